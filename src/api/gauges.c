#include "api/gauges.h"

#include "api/cloud_json.h"
#include "base/log_line.h"
#include "engine/model_source.h"
#include "http/event_stream.h"

static void set(struct api *api, enum metric metric, double value) {
    metrics_set(api->metrics, metric, NULL, NULL, value);
}

static void set_store(struct api *api) {
    struct store_figures figures;
    api->store->operations->measure(api->store, &figures);
    set(api, METRIC_STORE_UP, figures.is_up);
    set(api, METRIC_READY, figures.is_up && !atomic_load(&api->is_stopping));
    if (figures.is_up) set(api, METRIC_IMAGES, (double)figures.images);
    metrics_set(api->metrics, METRIC_STORE_CONNECTIONS, "in_use", NULL, (double)figures.in_use);
    metrics_set(api->metrics, METRIC_STORE_CONNECTIONS, "idle", NULL, (double)figures.idle);
    set(api, METRIC_STORE_CONNECTIONS_MAX, (double)figures.connections_max);
    set(api, METRIC_INDEX_VECTORS, (double)figures.index_vectors);
    set(api, METRIC_INDEX_BYTES, (double)figures.index_bytes);
}

static void set_reindex(struct api *api) {
    struct reindex_progress progress;
    service_reindex_progress(api->service, &progress);
    size_t missing = progress.total - progress.done;
    missing -= progress.failed < missing ? progress.failed : missing;
    metrics_set(api->metrics, METRIC_REINDEX_IMAGES, "done", NULL, (double)progress.done);
    metrics_set(api->metrics, METRIC_REINDEX_IMAGES, "missing", NULL, (double)missing);
    metrics_set(api->metrics, METRIC_REINDEX_IMAGES, "failed", NULL, (double)progress.failed);
}

static void set_models(struct api *api) {
    const struct engine_info *info = engine_info(api->engine);
    metrics_set(api->metrics, METRIC_MODEL_SOURCE, "caption",
                model_source_name(model_source_of(info->caption_model)), 1);
    metrics_set(api->metrics, METRIC_MODEL_SOURCE, "embedding",
                model_source_name(model_source_of(info->embedding_model)), 1);
    if (info->failed_kernel_tier != NULL)
        metrics_set(api->metrics, METRIC_KERNEL_SELF_TEST_FAILED, info->failed_kernel_tier, NULL,
                    1);
    set(api, METRIC_QUEUE_DEPTH, (double)engine_queue_depth(api->engine));
    set(api, METRIC_QUEUE_CAPACITY, (double)info->queue_capacity);
    set(api, METRIC_RELEVANCE_READY, api->relevance != NULL && relevance_is_ready(api->relevance));
}

void gauges_set(struct api *api) {
    set_store(api);
    set_reindex(api);
    set_models(api);
    struct http_server *http = atomic_load(&api->http);
    if (http != NULL) {
        set(api, METRIC_HTTP_ACTIVE_REQUESTS, (double)http_server_active_requests(http));
        set(api, METRIC_HTTP_QUEUE_DEPTH, (double)http_server_queue_depth(http));
    }
    metrics_set(api->metrics, METRIC_DROPPED, "log_lines", NULL, (double)log_lines_lost());
    if (api->jobs != NULL) {
        struct jobs_figures figures;
        jobs_measure(api->jobs, &figures);
        set(api, METRIC_JOBS_WAITING, (double)figures.waiting);
        set(api, METRIC_JOBS_RUNNING, (double)figures.running);
    }
    if (api->events != NULL)
        set(api, METRIC_EVENT_STREAMS, (double)event_hub_stream_count(api->events));
    cloud_metrics_set(api->cloud, api->metrics);
}
