#include "api/metrics_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/cloud_json.h"
#include "api/gauges.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/models_json.h"
#include "api/parameter.h"
#include "api/summary_text.h"
#include "base/clock.h"
#include "http/accept.h"

enum { SECONDS_DECIMALS = 6 };

static double value_of(const struct api *api, enum metric metric, const char *first) {
    return metrics_value(api->metrics, metric, first, NULL);
}

static json_t *whole(double value) { return json_integer((json_int_t)value); }

static json_t *gauge_json(const struct api *api, enum metric metric) {
    return whole(value_of(api, metric, NULL));
}

static const char *group_of(const char *route) {
    if (strncmp(route, "POST /images", strlen("POST /images")) == 0) return "uploads";
    if (strstr(route, " /search") != NULL) return "searches";
    return strstr(route, " /images") != NULL ? "images" : "other";
}

static void add_to(json_t *object, const char *name, double amount) {
    json_t *sum = json_object_get(object, name);
    (void)json_integer_set(sum, json_integer_value(sum) + (json_int_t)amount);
}

static json_t *requests_json(const struct api *api) {
    static const char *const groups[] = {"uploads", "searches", "images", "other"};
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        json_object_set_new(json, groups[i],
                            json_pack("{s:i, s:i, s:i}", "answered", 0, "refused", 0, "failed", 0));
    char route[METRICS_LABEL_SIZE], code[METRICS_LABEL_SIZE];
    for (size_t i = 0; metrics_label_value(api->metrics, METRIC_HTTP_REQUESTS, 0, i, route); i++) {
        json_t *group = json_object_get(json, group_of(route));
        for (size_t j = 0; metrics_label_value(api->metrics, METRIC_HTTP_REQUESTS, 1, j, code);
             j++) {
            double count = metrics_value(api->metrics, METRIC_HTTP_REQUESTS, route, code);
            add_to(group, "answered", count);
            if (code[0] == '4') add_to(group, "refused", count);
            if (code[0] == '5') add_to(group, "failed", count);
        }
    }
    return json;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

// Nearest rank: the smallest value that so much of all does not exceed; null without any.
static json_t *quantile_json(const double *sorted, size_t count, double part) {
    if (count == 0) return json_null();
    size_t rank = (size_t)ceil(part * (double)count);
    return json_rounded(sorted[rank > 0 ? rank - 1 : 0], SECONDS_DECIMALS);
}

static json_t *stage_json(const struct api *api, const char *stage) {
    double values[METRICS_RECENT];
    size_t count = metrics_recent(api->metrics, METRIC_STAGE_DURATION, stage, NULL, values);
    qsort(values, count, sizeof *values, compare);
    return json_pack("{s:o, s:I, s:o, s:o, s:o}",                                  //
                     "count", whole(value_of(api, METRIC_STAGE_DURATION, stage)),  //
                     "recent", (json_int_t)count,                                  //
                     "p50_s", quantile_json(values, count, 0.5),                   //
                     "p95_s", quantile_json(values, count, 0.95),                  //
                     "p99_s", quantile_json(values, count, 0.99));
}

static json_t *stages_json(const struct api *api) {
    json_t *json = json_object();
    char stage[METRICS_LABEL_SIZE];
    for (size_t i = 0; metrics_label_value(api->metrics, METRIC_STAGE_DURATION, 0, i, stage); i++)
        json_object_set_new(json, stage, stage_json(api, stage));
    return json;
}

static json_t *uploads_json(const struct api *api) {
    json_t *json = json_object();
    char result[METRICS_LABEL_SIZE], source[METRICS_LABEL_SIZE];
    for (size_t i = 0; metrics_label_value(api->metrics, METRIC_UPLOAD_RESULTS, 0, i, result);
         i++) {
        double sum = 0;
        for (size_t j = 0; metrics_label_value(api->metrics, METRIC_UPLOAD_RESULTS, 1, j, source);
             j++)
            sum += metrics_value(api->metrics, METRIC_UPLOAD_RESULTS, result, source);
        json_object_set_new(json, result, whole(sum));
    }
    return json;
}

static json_t *captions_json(const struct api *api) {
    json_t *reasons = json_object();
    char reason[METRICS_LABEL_SIZE];
    for (size_t i = 0; metrics_label_value(api->metrics, METRIC_CAPTIONS, 0, i, reason); i++)
        json_object_set_new(reasons, reason, whole(value_of(api, METRIC_CAPTIONS, reason)));
    return json_pack("{s:o, s:o, s:o}", "local", gauge_json(api, METRIC_ROUTER_LOCAL), "cloud",
                     gauge_json(api, METRIC_ROUTER_CLOUD), "reasons", reasons);
}

static json_t *queue_json(const struct api *api) {
    double sizes[METRICS_RECENT], sum = 0;
    size_t count = metrics_recent(api->metrics, METRIC_BATCH_SIZE, NULL, NULL, sizes);
    for (size_t i = 0; i < count; i++) sum += sizes[i];
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",                            //
                     "depth", gauge_json(api, METRIC_QUEUE_DEPTH),                     //
                     "capacity", gauge_json(api, METRIC_QUEUE_CAPACITY),               //
                     "requests_waiting", gauge_json(api, METRIC_HTTP_QUEUE_DEPTH),     //
                     "requests_active", gauge_json(api, METRIC_HTTP_ACTIVE_REQUESTS),  //
                     "jobs_waiting", gauge_json(api, METRIC_JOBS_WAITING),             //
                     "jobs_running", gauge_json(api, METRIC_JOBS_RUNNING),             //
                     "batch_size", count == 0 ? json_null() : json_rounded(sum / (double)count, 2));
}

static json_t *store_json(const struct api *api) {
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",         //
                     "name", api->store->operations->name,               //
                     "is_up", value_of(api, METRIC_STORE_UP, NULL) > 0,  //
                     "images", gauge_json(api, METRIC_IMAGES),           //
                     "connections_in_use",
                     whole(value_of(api, METRIC_STORE_CONNECTIONS, "in_use")),                    //
                     "connections_idle", whole(value_of(api, METRIC_STORE_CONNECTIONS, "idle")),  //
                     "connections_max", gauge_json(api, METRIC_STORE_CONNECTIONS_MAX),            //
                     "index_vectors", gauge_json(api, METRIC_INDEX_VECTORS),                      //
                     "index_bytes", gauge_json(api, METRIC_INDEX_BYTES));
}

static json_t *cost_json(const struct api *api) {
    if (api->cloud == NULL) return json_null();
    struct ledger_status status;
    cloud_spending(api->cloud, &status);
    const struct ledger_limits *limits = cloud_limits(api->cloud);
    int64_t today = status.spent_nano_usd + status.reserved_nano_usd;
    return json_pack("{s:o, s:o, s:o}",                               //
                     "today_usd", json_usd(today),                    //
                     "budget_usd", json_usd(limits->daily_nano_usd),  //
                     "remaining_usd", json_usd(ledger_budget_left(limits, &status)));
}

json_t *metrics_summary_create(struct api *api) {
    const struct engine_info *info = engine_info(api->engine);
    gauges_set(api);
    return json_pack("{s:s, s:o, s:b, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",  //
                     "version", api->version,                                                   //
                     "uptime_s", json_rounded(clock_ms_since(api->started_ns) / 1000, 3),       //
                     "is_ready", value_of(api, METRIC_READY, NULL) > 0,                         //
                     "models", models_json_create(info),                                        //
                     "precision", info->precision,                                              //
                     "kernel_tier", info->kernel_tier,                                          //
                     "requests", requests_json(api),                                            //
                     "uploads", uploads_json(api),                                              //
                     "captions", captions_json(api),                                            //
                     "queue", queue_json(api),                                                  //
                     "store", store_json(api),                                                  //
                     "cloud", cloud_json_create(api->cloud),                                    //
                     "cost", cost_json(api),                                                    //
                     "stages", stages_json(api));
}

static bool wants_text(const struct http_request *request, bool *is_text, struct problem *problem) {
    const char *format = http_request_query(request, parameter_summary_format.name);
    if (!parameter_check_choice(&parameter_summary_format, "query", format,
                                format == NULL ? 0 : strlen(format), problem))
        return false;
    const char *accept = http_request_header(request, "Accept");
    *is_text = format != NULL ? strcmp(format, "text") == 0
                              : http_accept_read(accept, "text/plain", NULL).quality >
                                    http_accept_read(accept, "application/json", NULL).quality;
    return true;
}

void metrics_summary_get(struct http_request *request, struct http_response *response,
                         void *context) {
    struct problem problem = {0};
    bool is_text;
    if (!wants_text(request, &is_text, &problem)) {
        problem_answer(&problem, response);
        return;
    }
    json_t *json = metrics_summary_create(context);
    http_response_add_header(response, "Vary", "Accept");
    http_response_add_header(response, "Cache-Control", "no-store");
    if (!is_text || json == NULL) {
        answer_json(response, 200, json);
        return;
    }
    size_t size;
    char *text = summary_text_create(&(struct summary_view){.now = json}, &size);
    json_decref(json);
    if (text == NULL) {
        error_set(&problem.error, ERROR_INTERNAL,
                  "The server ran out of memory while it wrote the summary; try again.");
        problem_answer(&problem, response);
        return;
    }
    http_response_set_status(response, 200);
    http_response_take_body(response, "text/plain; charset=utf-8", text, size);
}
