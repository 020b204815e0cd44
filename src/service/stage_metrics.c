#include "service/stage_metrics.h"

#include <string.h>

#include "service/service_private.h"

// A stage that took no time was not needed.
static void observe(struct metrics *metrics, const char *stage, double ms) {
    if (ms > 0) metrics_observe(metrics, METRIC_STAGE_DURATION, stage, NULL, ms / 1000);
}

static void observe_engine(struct metrics *metrics, const struct engine_timings *timings) {
    if (timings->batch_size == 0) return;  // the models were not asked
    metrics_observe(metrics, METRIC_BATCH_SIZE, NULL, NULL, (double)timings->batch_size);
    observe(metrics, "queue", timings->queue_ms);
    observe(metrics, "preprocess", timings->preprocess_ms);
    observe(metrics, "caption_vision", timings->caption_vision_ms);
    observe(metrics, "caption_decode", timings->caption_decode_ms);
    observe(metrics, "embed", timings->embedding_ms);
}

static void observe_caption(struct metrics *metrics, const struct ingest_result *result) {
    const struct image_record *record = &result->record;
    const struct receipt *receipt = &record->receipt;
    bool is_cloud = strcmp(record->origin, ORIGIN_CLOUD) == 0;
    metrics_add(metrics, is_cloud ? METRIC_ROUTER_CLOUD : METRIC_ROUTER_LOCAL, NULL, NULL, 1);
    metrics_add(metrics, METRIC_CAPTIONS, receipt->reason, NULL, 1);
    metrics_observe(metrics, METRIC_ROUTE_DURATION, NULL, NULL, receipt->route_ms / 1000);
    observe(metrics, "cloud", receipt->cloud_ms);
    if (is_cloud && !receipt->is_cached)
        metrics_observe(metrics, METRIC_CLOUD_DURATION, receipt->provider, NULL,
                        receipt->cloud_ms / 1000);
    metrics_add(metrics, METRIC_CAPTION_TOKENS, NULL, NULL, (double)result->local_tokens);
    if (result->local_confidence >= 0)
        metrics_observe(metrics, METRIC_CAPTION_CONFIDENCE, NULL, NULL, result->local_confidence);
    metrics_add(metrics, METRIC_CLOUD_CACHE_HITS, NULL, NULL, receipt->is_cached);
    metrics_add(metrics, METRIC_CLOUD_COST, NULL, NULL, price_usd(receipt->cost_nano_usd));
}

void stage_metrics_upload(struct service *service, enum image_source source, bool is_done,
                          const struct error *err, const struct ingest_result *result) {
    struct metrics *metrics = service->options.metrics;
    if (metrics == NULL) return;
    const char *outcome = !is_done ? error_http_status(err->kind) < 500 ? "refused" : "failed"
                          : result->was_known ? "known"
                                              : "new";
    metrics_add(metrics, METRIC_UPLOAD_RESULTS, outcome, source == SOURCE_URL ? "url" : "upload",
                1);
    if (!is_done || result->was_known) return;
    stage_metrics_caption(service, result);
    observe(metrics, "store", result->timings.store_ms);
}

void stage_metrics_caption(struct service *service, const struct ingest_result *result) {
    struct metrics *metrics = service->options.metrics;
    if (metrics == NULL) return;
    observe_caption(metrics, result);
    observe(metrics, "decode", result->timings.decode_ms);
    observe_engine(metrics, &result->timings.engine);
}

void stage_metrics_duplicates_dropped(struct service *service) {
    struct metrics *metrics = service->options.metrics;
    if (metrics != NULL) metrics_add(metrics, METRIC_DROPPED, "duplicates", NULL, 1);
}

void stage_metrics_embedding(struct service *service, double decode_ms,
                             const struct engine_timings *timings) {
    struct metrics *metrics = service->options.metrics;
    if (metrics == NULL) return;
    observe(metrics, "decode", decode_ms);
    observe_engine(metrics, timings);
}

void stage_metrics_search(struct service *service, double decode_ms,
                          const struct search_timings *timings) {
    struct metrics *metrics = service->options.metrics;
    if (metrics == NULL) return;
    metrics_add(metrics, METRIC_SEARCHES, NULL, NULL, 1);
    stage_metrics_embedding(service, decode_ms, &timings->engine);
    observe(metrics, "search", timings->store_ms);
}
