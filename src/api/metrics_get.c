// GET /metrics, and the observer that counts and times every request.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/cloud_json.h"
#include "api/handlers.h"
#include "api/problem.h"

void api_observe(void *context, const char *method, const char *route, int status, double seconds) {
    struct api *api = context;
    // Longer than any route of the table; what does not fit counts under "other" as it should.
    char label[64] = "other";
    if (route != NULL) (void)snprintf(label, sizeof label, "%s %s", method, route);
    char code[8];
    (void)snprintf(code, sizeof code, "%d", status);
    metrics_add(api->metrics, METRIC_HTTP_REQUESTS, label, code, 1);
    metrics_observe(api->metrics, METRIC_HTTP_REQUEST_DURATION, label, NULL, seconds);
    if (strcmp(label, "POST /images") == 0)
        metrics_observe(api->metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL, seconds * 1000);
}

// Gauges are read when somebody looks, so they are never stale.
static void gauges_set(struct api *api) {
    size_t count = 0;
    struct reindex_progress progress;
    service_reindex_progress(api->service, &progress);
    size_t missing = progress.total - progress.done;
    missing -= progress.failed < missing ? progress.failed : missing;
    metrics_set(api->metrics, METRIC_REINDEX_IMAGES, "done", NULL, (double)progress.done);
    metrics_set(api->metrics, METRIC_REINDEX_IMAGES, "missing", NULL, (double)missing);
    metrics_set(api->metrics, METRIC_REINDEX_IMAGES, "failed", NULL, (double)progress.failed);
    if (api->store->operations->count(api->store, &count, NULL))
        metrics_set(api->metrics, METRIC_IMAGES, NULL, NULL, (double)count);
    metrics_set(api->metrics, METRIC_QUEUE_DEPTH, NULL, NULL,
                (double)engine_queue_depth(api->engine));
    metrics_set(api->metrics, METRIC_QUEUE_CAPACITY, NULL, NULL,
                (double)engine_info(api->engine)->queue_capacity);
    cloud_metrics_set(api->cloud, api->metrics);
}

void metrics_get(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    struct api *api = context;
    gauges_set(api);
    size_t size = 0;
    char *text = metrics_text_create(api->metrics, &size);
    if (text == NULL) {
        struct problem problem = {0};
        error_set(&problem.error, ERROR_INTERNAL,
                  "The server ran out of memory while it wrote the metrics; try again.");
        problem_answer(&problem, response);
        return;
    }
    http_response_set_status(response, 200);
    http_response_take_body(response, METRICS_CONTENT_TYPE, text, size);
}
