// GET /healthz tells that the process lives and what it is made of; it asks nothing that may be
// down. GET /readyz tells whether requests can be served now.
#include "api/api.h"
#include "api/cloud_json.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/models_json.h"
#include "base/clock.h"

static json_t *store_json(struct api *api) {
    size_t count = 0;
    struct error err = {0};
    const struct store_operations *operations = api->store->operations;
    if (operations->count(api->store, &count, &err))
        return json_pack("{s:s, s:I}", "name", operations->name, "images", (json_int_t)count);
    return json_pack("{s:s, s:n, s:o}", "name", operations->name, "images", "detail",
                     json_text(err.text));
}

static const char *reindex_state_name(enum reindex_state state) {
    static const char *const names[] = {[REINDEX_IDLE] = "idle",
                                        [REINDEX_RUNNING] = "running",
                                        [REINDEX_WAITING] = "waiting",
                                        [REINDEX_COMPLETE] = "complete",
                                        [REINDEX_HELD] = "held"};
    return names[state];
}

static json_t *reindex_json(const struct reindex_progress *progress) {
    bool has_former = progress->from[0] != '\0';
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I}",                                  //
                     "state", reindex_state_name(progress->state),                           //
                     "from", has_former ? json_text(progress->from) : json_null(),           //
                     "to", json_text(progress->to),                                          //
                     "searched",                                                             //
                     json_text(progress->is_from_searched ? progress->from : progress->to),  //
                     "done", (json_int_t)progress->done,                                     //
                     "total", (json_int_t)progress->total,                                   //
                     "failed", (json_int_t)progress->failed);
}

void health_live(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    struct api *api = context;
    const struct engine_info *info = engine_info(api->engine);
    struct reindex_progress progress;
    service_reindex_progress(api->service, &progress);
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:s?, s:I, s:{s:I, s:I}, s:o, s:o, s:o}",  //
                  "status", "ok",                                                            //
                  "version", api->version,                                                   //
                  "uptime_s", json_rounded(clock_ms_since(api->started_ns) / 1000, 3),       //
                  "models", models_json_create(info),                                        //
                  "precision", info->precision,                                              //
                  "kernel_tier", info->kernel_tier,                                          //
                  "failed_kernel_tier", info->failed_kernel_tier,                            //
                  "threads", (json_int_t)info->threads,                                      //
                  "queue",                                                                   //
                  "depth", (json_int_t)engine_queue_depth(api->engine),                      //
                  "capacity", (json_int_t)info->queue_capacity,                              //
                  "store", store_json(api),                                                  //
                  "reindex", reindex_json(&progress),                                        //
                  "cloud", cloud_json_create(api->cloud));
    notice_add(json, model_source_of(info->caption_model), model_source_of(info->embedding_model),
               false);
    missing_notice_add(json, &progress);
    answer_json(response, 200, json);
}

// Not the cloud: without it captions are local. Not the models: the server listens once they are
// warm.
void health_ready(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    struct api *api = context;
    const char *failing = "store";
    struct error problem = {0};
    bool is_stopping = atomic_load(&api->is_stopping);
    if (is_stopping) {
        failing = "stopping";
        error_set(&problem, ERROR_UNAVAILABLE,
                  "The server is stopping: it finishes what runs, and takes nothing new.");
    }
    if (!is_stopping && service_is_ready(api->service, &problem)) {
        answer_json(response, 200, json_pack("{s:s}", "status", "ready"));
        return;
    }
    problem.kind = ERROR_UNAVAILABLE;  // whatever failed, the answer is "not now": 503
    http_response_set_error_with(response, &problem, json_pack("{s:s}", "failing", failing), NULL);
}
