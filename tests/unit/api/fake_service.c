#include "fake_service.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "service/caption_picture.h"
#include "service/embedding.h"

struct fake_service fake;

void fake_service_reset(void) {
    fake = (struct fake_service){
        .record =
            {
                .id = "00112233445566aa",
                .sha256 = "00112233445566aa00112233445566aa00112233445566aa00112233445566aa",
                .caption = "a cat on a \"mat\"",
                .origin = "local",
                .caption_model = "caption-model",
                .embedding_model = "embedding-model",
                .confidence = 0.1234567890123,
                .clip_score = 0.3,
                .file_name = "cat.png",
                .mime = "image/png",
                .width = 640,
                .height = 480,
                .size_bytes = 5000000000,
                .created_ms = 1700000000123,
            },
        .list_count = 2,
        .status = {.requests_this_minute = 2,
                   .requests_today = 5,
                   .spent_nano_usd = 1200000001,
                   .reserved_nano_usd = 540000},
        .figures = {.is_up = true,
                    .images = 7,
                    .in_use = 1,
                    .idle = 3,
                    .connections_max = 4,
                    .index_vectors = 6,
                    .index_bytes = 5000},
        .costs = {{.day = 20424,
                   .provider = "openrouter",
                   .model = "openai/gpt-4o-mini",
                   .reason = "low_confidence",
                   .requests = 4,
                   .answered = 3,
                   .cost_nano_usd = 123456789012345,
                   .estimated_nano_usd = 1,
                   .presumed_nano_usd = 432150,
                   .input_tokens = 8535,
                   .output_tokens = 27,
                   .duration_ms = 2000.5},
                  {.day = 20423, .provider = "fake", .model = "mock", .reason = "shadow"}},
        .engine = {.caption_model = "caption-model",
                   .embedding_model = "embedding-model",
                   .precision = "f32",
                   .caption_precision = "f32",
                   .embedding_precision = "f32",
                   .kernel_tier = "scalar",
                   .threads = 2,
                   .embedding_width = 512,
                   .queue_capacity = 32},
    };
}

static bool call(const char *name, struct error *err) {
    (void)snprintf(fake.called, sizeof fake.called, "%s", name);
    if (fake.failure.kind == ERROR_NONE) return true;
    return error_set(err, fake.failure.kind, "%s", fake.failure.text);
}

static void keep_bytes(const void *bytes, size_t size) {
    fake.size = size;
    memcpy(fake.bytes, bytes, size < sizeof fake.bytes ? size : sizeof fake.bytes);
}

static char *copy_text(const char *text, size_t *size) {
    *size = strlen(text);
    return memory_copy_text(text);
}

// Uploads come from several threads at once.
static pthread_mutex_t upload_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool finish_upload(const char *name, bool is_the_failing, struct error *err) {
    bool is_done = fake.failing_upload != NULL && !is_the_failing ? true : call(name, err);
    (void)pthread_mutex_unlock(&upload_mutex);
    return is_done;
}

bool service_ingest_image(struct service *service, const void *bytes, size_t size,
                          const struct ingest_options *options, struct ingest_result *result,
                          struct error *err) {
    (void)service;
    const char *failing = fake.failing_upload;
    (void)pthread_mutex_lock(&upload_mutex);
    atomic_fetch_add(&fake.upload_calls, 1);
    fake.lane = options->lane;
    fake.quality = options->quality;
    keep_bytes(bytes, size);
    (void)snprintf(fake.file_name, sizeof fake.file_name, "%s", options->file_name);
    result->record = fake.record;
    (void)snprintf(result->record.file_name, sizeof fake.file_name, "%s", options->file_name);
    result->was_known = fake.was_known;
    result->timings = (struct ingest_timings){.decode_ms = 1.23456,
                                              .engine = {.batch_size = 2, .caption_vision_ms = 300},
                                              .total_ms = 400};
    return finish_upload("ingest_image",
                         failing != NULL && memcmp(bytes, failing, strlen(failing)) == 0, err);
}

bool service_ingest_url(struct service *service, const char *url,
                        const struct ingest_options *options, struct ingest_result *result,
                        struct error *err) {
    (void)service;
    (void)pthread_mutex_lock(&upload_mutex);
    atomic_fetch_add(&fake.upload_calls, 1);
    fake.lane = options->lane;
    fake.quality = options->quality;
    (void)snprintf(fake.url, sizeof fake.url, "%s", url);
    result->record = fake.record;
    result->record.source = SOURCE_URL;
    (void)snprintf(result->record.url, sizeof result->record.url, "%s", url);
    return finish_upload(
        "ingest_url", fake.failing_upload != NULL && strstr(url, fake.failing_upload) != NULL, err);
}

bool service_caption_image(struct service *service, const void *bytes, size_t size,
                           const struct ingest_options *options, struct ingest_result *result,
                           struct error *err) {
    (void)service;
    fake.quality = options->quality;
    keep_bytes(bytes, size);
    *result = (struct ingest_result){.record = fake.record};
    return call("caption_image", err);
}

bool service_caption_url(struct service *service, const char *url,
                         const struct ingest_options *options, struct ingest_result *result,
                         struct error *err) {
    (void)service;
    fake.quality = options->quality;
    (void)snprintf(fake.url, sizeof fake.url, "%s", url);
    *result = (struct ingest_result){.record = fake.record};
    return call("caption_url", err);
}

// Several come from several threads at once. The vector tells what was asked for: its first number
// is the size, its second the first byte.
static bool embed(const char *name, const void *bytes, size_t size, enum queue_lane lane,
                  struct embedding_result *result, struct error *err) {
    const char *failing = fake.failing_upload;
    const unsigned char *first = bytes;
    (void)pthread_mutex_lock(&upload_mutex);
    atomic_fetch_add(&fake.embed_calls, 1);
    fake.lane = lane;
    keep_bytes(bytes, size);
    *result = (struct embedding_result){
        .embedding = {.values = {(float)size, size > 0 ? (float)first[0] : 0, 0.1F}, .width = 3},
        .engine = {.text_tokens = 5}};
    return finish_upload(
        name,
        failing != NULL && size >= strlen(failing) && memcmp(bytes, failing, strlen(failing)) == 0,
        err);
}

bool service_embed_text(struct service *service, const char *text, enum queue_lane lane,
                        struct embedding_result *result, struct error *err) {
    (void)service;
    return embed("embed_text", text, strlen(text), lane, result, err);
}

bool service_embed_image(struct service *service, const void *bytes, size_t size,
                         enum queue_lane lane, struct embedding_result *result, struct error *err) {
    (void)service;
    bool is_done = embed("embed_image", bytes, size, lane, result, err);
    result->width = 640;
    result->height = 480;
    result->engine.text_tokens = 0;
    return is_done;
}

bool service_embed_url(struct service *service, const char *url, enum queue_lane lane,
                       struct embedding_result *result, struct error *err) {
    (void)service;
    (void)snprintf(fake.url, sizeof fake.url, "%s", url);
    return embed("embed_url", url, strlen(url), lane, result, err);
}

bool service_get_image(struct service *service, const char *id, struct image_record *record,
                       struct error *err) {
    (void)service;
    (void)snprintf(fake.id, sizeof fake.id, "%s", id);
    *record = fake.record;
    return call("get_image", err);
}

bool service_list_images(struct service *service, struct store_cursor *cursor, size_t limit,
                         struct image_record *records, size_t *count, bool *has_more,
                         struct error *err) {
    (void)service;
    fake.cursor = *cursor;
    fake.limit = limit;
    *count = fake.list_count < limit ? fake.list_count : limit;
    for (size_t i = 0; i < *count; i++) records[i] = fake.record;
    *has_more = fake.has_more;
    cursor->created_ms = fake.record.created_ms;
    memcpy(cursor->id, fake.record.id, sizeof cursor->id);
    return call("list_images", err);
}

bool service_change_image(struct service *service, const char *id,
                          const struct image_change *change, struct image_record *updated,
                          struct error *err) {
    (void)service;
    (void)snprintf(fake.id, sizeof fake.id, "%s", id);
    *updated = fake.record;
    if (change->caption != NULL)
        (void)snprintf(updated->caption, sizeof updated->caption, "%s", change->caption);
    if (change->tags != NULL)
        (void)snprintf(updated->tags, sizeof updated->tags, "%s", change->tags);
    return call("change_image", err);
}

bool service_find_duplicates(struct service *service, const struct image_record *record,
                             struct duplicates *duplicates, struct error *err) {
    (void)service;
    (void)record;
    *duplicates = (struct duplicates){
        .same_picture = {{.id = "0011223344556677", .distance = 3}},
        .same_picture_count = 1,
        .same_meaning = {{.id = "8899aabbccddeeff", .score = 0.96F}},
        .same_meaning_count = 1,
    };
    return call("find_duplicates", err);
}

bool service_delete_image(struct service *service, const char *id, struct error *err) {
    (void)service;
    (void)snprintf(fake.id, sizeof fake.id, "%s", id);
    return call("delete_image", err);
}

char *service_image_content(struct service *service, const char *id, struct image_record *record,
                            size_t *size, struct error *err) {
    (void)service;
    (void)id;
    *record = fake.record;
    return call("image_content", err) ? copy_text("the bytes", size) : NULL;
}

char *service_image_thumbnail(struct service *service, const char *id, uint32_t max_side,
                              size_t *size, struct error *err) {
    (void)service;
    (void)id;
    fake.max_side = max_side;
    return call("image_thumbnail", err) ? copy_text("a jpeg", size) : NULL;
}

static void keep_list(const char *name, const char *const *texts, size_t count) {
    size_t used = strlen(fake.filter);
    used += (size_t)snprintf(fake.filter + used, sizeof fake.filter - used, "%s=", name);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(fake.filter + used, sizeof fake.filter - used, "%s%s",
                                 i == 0 ? "" : ",", texts[i]);
    (void)snprintf(fake.filter + used, sizeof fake.filter - used, " ");
}

bool service_search(struct service *service, const struct search_request *request,
                    struct search_answer *answer, struct error *err) {
    (void)service;
    *answer = (struct search_answer){.results = NULL};
    fake.search = *request;
    fake.k = request->k;
    fake.filter[0] = '\0';
    keep_list("ids", request->filter.ids, request->filter.id_count);
    keep_list("tags", request->filter.tags, request->filter.tag_count);
    keep_list("words", request->filter.caption_words, request->filter.caption_word_count);
    if (request->filter.origin != NULL) keep_list("origin", &request->filter.origin, 1);
    if (request->query != NULL) (void)snprintf(fake.query, sizeof fake.query, "%s", request->query);
    if (request->image_id != NULL) (void)snprintf(fake.id, sizeof fake.id, "%s", request->image_id);
    if (request->picture != NULL) keep_bytes(request->picture, request->picture_size);
    if (request->url != NULL) (void)snprintf(fake.url, sizeof fake.url, "%s", request->url);
    (void)snprintf(
        answer->embedding_model, sizeof answer->embedding_model, "%s",
        fake.progress.is_from_searched ? fake.progress.from : fake.engine.embedding_model);
    answer->is_cut = fake.is_cut;
    answer->has_more = fake.has_more;
    answer->count = fake.finds_nothing ? 0 : request->k < 2 ? request->k : 2;
    answer->results = memory_try_zeroed(2, sizeof *answer->results);
    for (size_t i = 0; i < answer->count; i++)
        answer->results[i] = (struct search_result){.record = fake.record,
                                                    .score = i == 0 ? 0.987654321F : -0.00000001F,
                                                    .relevance = 0.25F,
                                                    .has_relevance = request->query != NULL};
    if (fake.finds_nothing)
        (void)snprintf(answer->reason, sizeof answer->reason, "nothing like it");
    answer->timings = (struct search_timings){.embed_ms = 1.5,
                                              .engine = {.queue_ms = 0.12345, .batch_size = 3},
                                              .store_ms = 0.25,
                                              .total_ms = 1.7777777};
    return call("search", err);
}

void search_answer_clear(struct search_answer *answer) { memory_free(answer->results); }

void service_reindex_progress(struct service *service, struct reindex_progress *progress) {
    (void)service;
    *progress = fake.progress;
}

bool service_is_ready(struct service *service, struct error *err) {
    (void)service;
    return call("is_ready", err);
}

const struct engine_info *engine_info(const struct engine *engine) {
    (void)engine;
    return &fake.engine;
}

size_t engine_queue_depth(struct engine *engine) {
    (void)engine;
    return 3;
}

static bool store_count(struct store *store, size_t *count, struct error *err) {
    (void)store;
    *count = 7;
    return call("count", err);
}

static void store_measure(struct store *store, struct store_figures *figures) {
    (void)store;
    *figures = fake.figures;
}

bool relevance_is_ready(struct relevance *relevance) {
    (void)relevance;
    return fake.is_relevance_ready;
}

static const struct store_operations operations = {
    .name = "fake", .count = store_count, .measure = store_measure};
struct store fake_store = {&operations};

static bool ledger_status(struct ledger *ledger, struct ledger_status *status, struct error *err) {
    (void)ledger;
    *status = fake.status;
    return call("ledger_status", err);
}

static bool list_costs(struct ledger *ledger, int64_t from_day, struct ledger_costs *lines,
                       size_t capacity, size_t *count, struct error *err) {
    (void)ledger;
    fake.from_day = from_day;
    *count = 0;
    for (size_t i = 0; i < 2 && i < capacity && fake.costs[i].day > 0; i++)
        lines[(*count)++] = fake.costs[i];
    return call("list_costs", err);
}

static bool summarize(struct ledger *ledger, struct ledger_summary *summaries, size_t capacity,
                      size_t *count, struct error *err) {
    (void)ledger;
    (void)capacity;
    *count = fake.summary.images > 0;
    summaries[0] = fake.summary;
    return call("summarize", err);
}

static const struct ledger_operations ledger_operations = {
    .status = ledger_status, .summarize = summarize, .list_costs = list_costs};
struct ledger fake_ledger = {&ledger_operations};
