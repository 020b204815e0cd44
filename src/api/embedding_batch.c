#include "api/embedding_batch.h"

#include <stdatomic.h>

#include "api/api.h"
#include "api/batch_threads.h"
#include "base/memory.h"

struct embedding_work {
    struct api *api;
    struct embedding_batch *batch;
    enum queue_lane lane;
    atomic_bool has_failed;  // the rest need not be begun
};

bool embedding_batch_init(struct embedding_batch *batch, size_t capacity, struct error *err) {
    *batch = (struct embedding_batch){.capacity = capacity};
    if (capacity == 0)
        return error_set(err, ERROR_BAD_REQUEST,
                         "there is nothing in the request to make vectors of");
    if (capacity > EMBEDDING_INPUTS_MAX)
        return error_set(err, ERROR_INVALID, "there are %zu inputs; send at most %d at once",
                         capacity, EMBEDDING_INPUTS_MAX);
    batch->items = memory_try_zeroed(capacity, sizeof *batch->items);
    return batch->items != NULL ||
           error_set(err, ERROR_OVERLOADED, "out of memory; try again shortly");
}

void embedding_batch_clear(struct embedding_batch *batch) {
    memory_free(batch->items);
    *batch = (struct embedding_batch){.count = 0};
}

bool embedding_batch_add(struct embedding_batch *batch, enum embedding_kind kind,
                         const json_t *text, struct error *err) {
    if (!json_is_string(text))
        return error_set(err, ERROR_BAD_REQUEST,
                         "input %zu is not a string; token ids and other values have no vector",
                         batch->count);
    batch->picture_count += kind != EMBEDDING_OF_TEXT;
    if (batch->picture_count > EMBEDDING_PICTURES_MAX)
        return error_set(err, ERROR_INVALID, "there are too many pictures; send at most %d at once",
                         EMBEDDING_PICTURES_MAX);
    batch->items[batch->count++] = (struct embedding_item){
        .kind = kind, .text = json_string_value(text), .length = json_string_length(text)};
    return true;
}

static bool embed_picture(const struct embedding_work *work, struct embedding_item *item,
                          struct embedding_result *result) {
    const struct api *api = work->api;
    struct picture_source source;
    enum picture_form form = item->kind == EMBEDDING_OF_ADDRESS ? PICTURE_ADDRESS : PICTURE_BASE64;
    bool is_done = picture_source_read(&source, form, item->text, item->length,
                                       api->max_upload_bytes, &item->error) &&
                   picture_source_embed(&source, api->service, work->lane, result, &item->error);
    picture_source_clear(&source);
    return is_done;
}

static void embed(void *context, size_t index) {
    struct embedding_work *work = context;
    const struct api *api = work->api;
    struct embedding_item *item = &work->batch->items[index];
    struct embedding_result result;
    if (atomic_load(&work->has_failed)) return;
    bool is_done = false;
    if (atomic_load(&api->is_stopping))
        error_set(&item->error, ERROR_UNAVAILABLE, "the server is stopping; send this again");
    else if (item->kind == EMBEDDING_OF_TEXT)
        is_done = service_embed_text(api->service, item->text, work->lane, &result, &item->error);
    else
        is_done = embed_picture(work, item, &result);
    if (!is_done) {
        atomic_store(&work->has_failed, true);
        return;
    }
    item->embedding = result.embedding;
    item->text_tokens = result.engine.text_tokens;
}

// Inputs are begun in their order, so all before one that failed were made or failed themselves.
static bool find_error(const struct embedding_batch *batch, struct error *err) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct error *problem = &batch->items[i].error;
        if (problem->kind == ERROR_NONE) continue;
        error_set(err, problem->kind, "%s", problem->text);
        return batch->count == 1 ? false : error_wrap(err, "input %zu", i);
    }
    return true;
}

bool embedding_batch_run(struct embedding_batch *batch, struct api *api, struct error *err) {
    struct embedding_work work = {.api = api, .batch = batch, .lane = QUEUE_INTERACTIVE};
    if (batch->count == 1) {
        embed(&work, 0);
        return find_error(batch, err);
    }
    if (!batch_enter(api, err)) return false;
    work.lane = QUEUE_BULK;
    batch_threads_run(api, batch->count, embed, &work);
    batch_leave(api);
    return find_error(batch, err);
}
