#include "service/duplicates.h"

#include <string.h>

#include "base/memory.h"
#include "image/perceptual_hash.h"
#include "service/search_space.h"
#include "service/service_private.h"
#include "service/stage_trace.h"

// Room for the image itself and for those of the stronger tier.
enum { LOOK_AT = 2 * DUPLICATES_MAX + 1 };

static bool is_listed(const struct duplicates *duplicates, const char *id) {
    for (size_t i = 0; i < duplicates->same_picture_count; i++)
        if (strcmp(duplicates->same_picture[i].id, id) == 0) return true;
    return false;
}

static bool find_same_picture(struct store *store, const struct image_record *record,
                              struct store_match *matches, struct duplicates *duplicates,
                              struct error *err) {
    size_t count = 0;
    if (!record->has_perceptual_hash) return true;
    struct span *span = stage_trace_store(store, "search_hash");
    bool is_done = store->operations->search_hash(
        store, record->perceptual_hash, PERCEPTUAL_SAME_DISTANCE, LOOK_AT, matches, &count, err);
    stage_trace_end(span, is_done, err);
    if (!is_done) return false;
    for (size_t i = 0; i < count && duplicates->same_picture_count < DUPLICATES_MAX; i++) {
        if (strcmp(matches[i].record.id, record->id) == 0) continue;
        struct duplicate *duplicate = &duplicates->same_picture[duplicates->same_picture_count++];
        memcpy(duplicate->id, matches[i].record.id, sizeof duplicate->id);
        duplicate->distance = (unsigned)matches[i].score;
    }
    return true;
}

static bool find_same_meaning(struct store *store, const struct search_space *space,
                              const struct image_record *record, struct store_match *matches,
                              struct duplicates *duplicates, struct error *err) {
    float vector[EMBEDDING_WIDTH_MAX];
    const char *id = record->id;
    bool is_there = false;
    size_t count = 0;
    struct span *span = stage_trace_store(store, "get_vectors");
    bool is_done = store->operations->get_vectors(store, &id, 1, space->embedding_model, vector,
                                                  space->width, &is_there, err);
    stage_trace_end(span, is_done, err);
    if (!is_done) return false;
    if (!is_there) return true;  // the model has not seen it yet
    struct store_search search = {.embedding_model = space->embedding_model,
                                  .query = vector,
                                  .width = space->width,
                                  .k = LOOK_AT};
    span = stage_trace_store(store, "search");
    is_done = store->operations->search(store, &search, matches, &count, err);
    stage_trace_end(span, is_done, err);
    if (!is_done) return false;
    for (size_t i = 0; i < count && duplicates->same_meaning_count < DUPLICATES_MAX; i++) {
        if (matches[i].score < SAME_MEANING_SCORE) break;
        if (strcmp(matches[i].record.id, id) == 0 || is_listed(duplicates, matches[i].record.id))
            continue;
        struct duplicate *duplicate = &duplicates->same_meaning[duplicates->same_meaning_count++];
        memcpy(duplicate->id, matches[i].record.id, sizeof duplicate->id);
        duplicate->score = matches[i].score;
    }
    return true;
}

bool service_find_duplicates(struct service *service, const struct image_record *record,
                             struct duplicates *duplicates, struct error *err) {
    struct store *store = service->options.store;
    struct search_space space;
    *duplicates = (struct duplicates){0};
    struct store_match *matches = memory_try_array(LOOK_AT, sizeof *matches);
    if (matches == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for duplicates");
    bool is_done = find_same_picture(store, record, matches, duplicates, err) &&
                   search_space_take(service, &space, err);
    if (is_done) {
        is_done = find_same_meaning(store, &space, record, matches, duplicates, err);
        search_space_return(service, &space);
    }
    memory_free(matches);
    return is_done;
}
