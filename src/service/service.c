#include "service/service.h"

#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "service/picture.h"
#include "service/plain_text.h"
#include "service/service_private.h"
#include "service/stage_trace.h"

// Bulk pictures that are with the models at once, beside one a thread that decodes: a batch of two
// captions under way and the next one queued. More would only crowd out interactive ones.
enum { BULK_AT_THE_MODELS = 4 };

struct service *service_create(const struct service_options *options, struct error *err) {
    if (options->decode_threads == 0 ||
        options->decode_threads > SEM_VALUE_MAX - BULK_AT_THE_MODELS) {
        error_set(err, ERROR_USAGE, "at least one picture must be decoded at once");
        return NULL;
    }
    struct service *service = memory_alloc(sizeof *service);
    service->options = *options;
    experiment_variant_plain(&service->plain, &options->policy, options->cloud);
    single_flight_init(&service->flights);
    space_choice_init(&service->space_choice);
    service->reindex = reindex_job_create(service);
    latency_window_init(&service->latency);
    (void)sem_init(&service->decode_slots, 0, (unsigned)options->decode_threads);
    (void)sem_init(&service->bulk_slots, 0, (unsigned)options->decode_threads + BULK_AT_THE_MODELS);
    if (options->experiment == NULL || options->experiment->shadow_percent == 0) return service;
    service->shadow = shadow_create(service, err);
    if (service->shadow != NULL) return service;
    service_destroy(service);
    return NULL;
}

void service_destroy(struct service *service) {
    if (service == NULL) return;
    service_stop_shadow(service);
    service_reindex_stop(service);
    shadow_destroy(service->shadow);
    reindex_job_destroy(service->reindex);
    latency_window_clear(&service->latency);
    space_choice_clear(&service->space_choice);
    (void)sem_destroy(&service->bulk_slots);
    (void)sem_destroy(&service->decode_slots);
    single_flight_clear(&service->flights);
    memory_free(service);
}

void service_observe_images(struct service *service, image_observer *observer, void *context) {
    service->image_observer = observer;
    service->image_observer_context = context;
}

void service_tell_image(const struct service *service, const char *id, const char *change) {
    if (service->image_observer != NULL)
        service->image_observer(service->image_observer_context, id, change);
}

bool service_fetch(struct service *service, const char *url, struct fetch_answer *answer,
                   struct error *err) {
    if (strnlen(url, STORE_URL_SIZE) == STORE_URL_SIZE)
        return error_set(err, ERROR_INVALID, "the address is longer than %d bytes",
                         STORE_URL_SIZE - 1);
    struct error problem = {0};
    struct span *span = span_begin("fetch picture", SPAN_INTERNAL);
    bool is_done = fetch_public(url, &service->options.fetch_limits, answer, &problem);
    stage_trace_end(span, is_done, &problem);
    return is_done || error_set(err, problem.kind, "%s", problem.text);
}

bool service_get_image(struct service *service, const char *id, struct image_record *record,
                       struct error *err) {
    struct store *store = service->options.store;
    struct span *span = stage_trace_store(store, "get");
    bool is_done = store->operations->get(store, id, record, err);
    stage_trace_end(span, is_done, err);
    return is_done;
}

bool service_list_images(struct service *service, struct store_cursor *cursor, size_t limit,
                         struct image_record *records, size_t *count, bool *has_more,
                         struct error *err) {
    struct store *store = service->options.store;
    if (limit > STORE_PAGE_MAX) limit = STORE_PAGE_MAX;
    struct span *span = stage_trace_store(store, "list");
    bool is_done = store->operations->list(store, cursor, limit, records, count, has_more, err);
    stage_trace_end(span, is_done, err);
    return is_done;
}

// What a user writes is shown like a model's words: without characters that steer the display.
bool service_change_image(struct service *service, const char *id,
                          const struct image_change *change, struct image_record *updated,
                          struct error *err) {
    struct store *store = service->options.store;
    struct image_change clean = *change;
    char caption[STORE_CAPTION_SIZE];
    if (change->caption != NULL) {
        plain_text_copy(caption, sizeof caption, change->caption);
        if (plain_text_is_blank(caption))
            return error_set(err, ERROR_INVALID, "the caption is blank; give some text");
        clean.caption = caption;
    }
    struct span *span = stage_trace_store(store, "update");
    bool is_done = store->operations->update(store, id, &clean, updated, err);
    stage_trace_end(span, is_done, err);
    if (is_done) service_tell_image(service, id, "changed");
    return is_done;
}

// Row first: from then on the image is gone, whatever becomes of its bytes.
bool service_delete_image(struct service *service, const char *id, struct error *err) {
    struct store *store = service->options.store;
    struct image_record record;
    if (!service_get_image(service, id, &record, err)) return false;
    struct flight *flight = single_flight_begin(&service->flights, record.sha256, NULL);
    struct error problem = {0};
    struct span *span = stage_trace_store(store, "remove");
    bool is_done = store->operations->remove(store, id, err);
    stage_trace_end(span, is_done, err);
    if (is_done && record.sha256[0] != '\0' &&
        !blob_folder_remove(service->options.blobs, record.sha256, &problem) &&
        problem.kind != ERROR_NOT_FOUND)
        log_warning("image %s is deleted, but its bytes are still on disk: %s", id, problem.text);
    single_flight_end(&service->flights, flight, NULL);
    if (is_done) service_tell_image(service, id, "deleted");
    return is_done;
}

// *is_lost: the image is there and its bytes are not.
static char *read_original(struct service *service, const char *id, struct image_record *record,
                           size_t *size, bool *is_lost, struct error *err) {
    struct error problem = {0};
    *is_lost = false;
    if (!service_get_image(service, id, record, err)) return NULL;
    if (record->sha256[0] == '\0') {
        error_set(err, ERROR_NOT_FOUND,
                  "the bytes of image %s were never kept here: another program stored it; upload "
                  "it again",
                  id);
        return NULL;
    }
    char *bytes = blob_folder_get(service->options.blobs, record->sha256,
                                  (size_t)record->size_bytes, size, &problem);
    if (bytes != NULL) return bytes;
    *is_lost = problem.kind == ERROR_NOT_FOUND;
    // Longer than it was is not the fault of the request.
    bool is_ours = *is_lost || problem.kind == ERROR_TOO_LARGE;
    error_set(err, is_ours ? ERROR_STORAGE : problem.kind,
              "the bytes of image %s cannot be read: %s; upload it again or restore a backup", id,
              problem.text);
    return NULL;
}

char *service_image_content(struct service *service, const char *id, struct image_record *record,
                            size_t *size, struct error *err) {
    struct error problem = {0};
    bool is_lost;
    char *bytes = read_original(service, id, record, size, &is_lost, &problem);
    if (bytes == NULL && is_lost) {
        // Perhaps it was deleted between the two looks: look again while nobody changes it.
        struct flight *flight = single_flight_begin(&service->flights, record->sha256, NULL);
        error_clear(&problem);
        bytes = read_original(service, id, record, size, &is_lost, &problem);
        single_flight_end(&service->flights, flight, NULL);
    }
    if (bytes == NULL) error_set(err, problem.kind, "%s", problem.text);
    return bytes;
}

char *service_image_thumbnail(struct service *service, const char *id, uint32_t max_side,
                              size_t *size, struct error *err) {
    struct image_record record;
    size_t content_size;
    char *content = service_image_content(service, id, &record, &content_size, err);
    if (content == NULL) return NULL;
    uint8_t *jpeg =
        picture_copy_create(service, content, content_size, max_side, size, NULL, NULL, err);
    memory_free(content);
    return (char *)jpeg;
}

bool service_is_ready(struct service *service, struct error *err) {
    struct store *store = service->options.store;
    return store->operations->check(store, err);
}

void service_stop_shadow(struct service *service) {
    if (service->shadow != NULL) shadow_stop(service->shadow);
}
