#include "service/stage_trace.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static int64_t ns_of(double ms) { return (int64_t)(ms * 1e6); }

static void add(const char *name, int64_t started_ns, int64_t ended_ns) {
    span_end_at(span_begin_at(name, SPAN_INTERNAL, started_ns), ended_ns);
}

void stage_trace_prepare(const struct prepared_image *image) {
    if (!span_is_recorded(trace_current())) return;
    int64_t ended = clock_monotonic_ns();
    int64_t decoded = ended - ns_of(image->preprocess_ms);
    if (image->decode_ms > 0) add("decode", decoded - ns_of(image->decode_ms), decoded);
    if (image->preprocess_ms > 0) add("preprocess", decoded, ended);
}

// By the conventions for generative AI, in process.
static struct span *begin_model(const char *operation, const char *model, int64_t started_ns) {
    char name[MODEL_NAME_SIZE + 32];
    (void)snprintf(name, sizeof name, "%s %s", operation, model);
    struct span *span = span_begin_at(name, SPAN_INTERNAL, started_ns);
    span_set_text(span, "gen_ai.operation.name", operation);
    span_set_text(span, "gen_ai.provider.name", "imgrouter");
    span_set_text(span, "gen_ai.request.model", model);
    span_set_text(span, "gen_ai.response.model", model);
    return span;
}

// A part that begins at *at, which is moved on to its end, and to `latest` at most: the parts are
// rounded, and the clocks of two threads.
static int64_t end_of_part(int64_t at, double ms, int64_t latest) {
    int64_t end = at + ns_of(ms);
    return end < latest ? end : latest;
}

void stage_trace_models(const struct engine *engine, int64_t started_ns,
                        const struct engine_timings *timings, const struct caption *caption) {
    if (!span_is_recorded(trace_current()) || timings->batch_size == 0) return;
    const struct engine_info *info = engine_info(engine);
    int64_t latest = clock_monotonic_ns();
    int64_t at = end_of_part(started_ns, timings->queue_ms, latest);
    struct span *queue = span_begin_at("queue", SPAN_INTERNAL, started_ns);
    span_set_integer(queue, "imgrouter.batch_size", (int64_t)timings->batch_size);
    span_end_at(queue, at);
    if (timings->embedding_ms > 0) {
        struct span *embed = begin_model("embeddings", info->embedding_model, at);
        at = end_of_part(at, timings->embedding_ms, latest);
        span_end_at(embed, at);
    }
    if (caption == NULL) return;
    struct span *writing = begin_model("generate_content", info->caption_model, at);
    span_set_integer(writing, "gen_ai.usage.output_tokens", (int64_t)caption->token_count);
    int64_t seen = end_of_part(at, timings->caption_vision_ms, latest);
    if (timings->caption_vision_ms > 0) add("caption vision", at, seen);
    at = end_of_part(seen, timings->caption_decode_ms, latest);
    if (timings->caption_decode_ms > 0) add("caption decode", seen, at);
    span_end_at(writing, at);
}

// The names of the conventions for databases.
static const char *system_of(const struct store *store) {
    const char *name = store->operations->name;
    return strcmp(name, "pgvector") == 0 ? "postgresql" : name;
}

struct span *stage_trace_store(const struct store *store, const char *operation) {
    if (!span_is_recorded(trace_current())) return NULL;
    char name[64];
    (void)snprintf(name, sizeof name, "%s images", operation);
    struct span *span = span_begin(name, SPAN_CLIENT);
    span_set_text(span, "db.system.name", system_of(store));
    span_set_text(span, "db.operation.name", operation);
    span_set_text(span, "db.collection.name", "images");
    return span;
}

void stage_trace_end(struct span *span, bool is_done, const struct error *err) {
    bool is_answer = is_done || (err != NULL && err->kind == ERROR_NOT_FOUND);
    if (!is_answer) span_set_error(span, err == NULL ? "_OTHER" : error_kind_name(err->kind));
    span_end(span);
}
