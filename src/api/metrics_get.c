// GET /metrics, and the observer that counts, times, logs and traces every request.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/gauges.h"
#include "api/handlers.h"
#include "api/problem.h"
#include "api/request_log.h"
#include "api/request_trace.h"
#include "http/accept.h"

void api_observe(void *context, const struct http_observation *observation) {
    struct api *api = context;
    struct span *span = request_trace_resume(observation);
    request_log_write(observation);
    double seconds = observation->seconds;
    // Longer than any route of the table; what does not fit counts under "other" as it should.
    char label[64] = "other";
    if (observation->route != NULL)
        (void)snprintf(label, sizeof label, "%s %s", observation->method, observation->route);
    char code[8];
    (void)snprintf(code, sizeof code, "%d", observation->status);
    metrics_add(api->metrics, METRIC_HTTP_REQUESTS, label, code, 1);
    if (!observation->is_stream)
        metrics_observe(api->metrics, METRIC_HTTP_REQUEST_DURATION, label, NULL, seconds);
    if (strcmp(label, "POST /images") == 0)
        metrics_observe(api->metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL, seconds * 1000);
    if (observation->accept_seconds >= 0)
        metrics_observe(api->metrics, METRIC_STAGE_DURATION, "accept", NULL,
                        observation->accept_seconds);
    request_trace_end(span, observation);
}

// OpenMetrics only for who names it, and does not like the other one more.
static enum metrics_format choose_format(const struct http_request *request) {
    const char *accept = http_request_header(request, "Accept");
    struct http_acceptance open = http_accept_read(accept, "application/openmetrics-text", "1.0.0");
    struct http_acceptance plain = http_accept_read(accept, "text/plain", "0.0.4");
    return open.is_named && open.quality > 0 && open.quality >= plain.quality ? METRICS_OPENMETRICS
                                                                              : METRICS_PROMETHEUS;
}

void metrics_get(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    enum metrics_format format = choose_format(request);
    gauges_set(api);
    size_t size = 0;
    char *text = metrics_text_create(api->metrics, format, &size);
    if (text == NULL) {
        struct problem problem = {0};
        error_set(&problem.error, ERROR_INTERNAL,
                  "The server ran out of memory while it wrote the metrics; try again.");
        problem_answer(&problem, response);
        return;
    }
    http_response_set_status(response, 200);
    http_response_add_header(response, "Vary", "Accept");
    http_response_take_body(
        response,
        format == METRICS_OPENMETRICS ? METRICS_OPENMETRICS_TYPE : METRICS_PROMETHEUS_TYPE, text,
        size);
}
