// Several threads take pictures off the same list, so that the models get batches of them. They
// work in the bulk lane: searches and uploads go first.
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "service/picture.h"
#include "service/reindex_job.h"
#include "service/search_space.h"
#include "service/service_private.h"

enum {
    THREADS = 16,         // as many pictures as the models take together; bulk_slots bound them
    RETRY_NS = 20000000,  // after a full queue; far less than what a batch takes
    PERCENT_A_LOG_LINE = 10
};

enum outcome { ADDED, GONE, FAILED, HALTED };

static int compare_ids(const void *a, const void *b) { return strcmp(a, b); }

static bool is_known_failure(const struct reindex_job *job, const char *id) {
    return job->failed_known > 0 &&
           bsearch(id, job->failed, job->failed_known, sizeof *job->failed, compare_ids) != NULL;
}

// Ends the pass with this error unless another came first.
static void halt(struct reindex_job *job, const struct error *fault) {
    (void)pthread_mutex_lock(&job->mutex);
    (void)error_set(&job->fault, fault->kind, "%s", fault->text);
    (void)pthread_mutex_unlock(&job->mutex);
}

static bool is_halted(struct reindex_job *job) {
    (void)pthread_mutex_lock(&job->mutex);
    bool is_halted = job->is_stopping || job->fault.kind != ERROR_NONE;
    (void)pthread_mutex_unlock(&job->mutex);
    return is_halted;
}

// Perhaps another server has finished the same work, and drops the former vectors.
static bool follow_active_space(struct reindex_job *job, struct error *err) {
    struct service *service = job->service;
    struct store *store = service->options.store;
    struct reindex_progress progress;
    char active[STORE_MODEL_SIZE];
    service_reindex_progress(service, &progress);
    if (!progress.is_from_searched) return true;
    if (!store->operations->get_active_space(store, active, err)) return false;
    if (strcmp(active, progress.to) != 0) return true;
    space_choice_switch(service);
    (void)pthread_mutex_lock(&job->mutex);
    job->progress.is_from_searched = false;
    (void)pthread_mutex_unlock(&job->mutex);
    return true;
}

static bool read_page(struct reindex_job *job, struct error *err) {
    struct store *store = job->service->options.store;
    job->page_next = job->page_count = 0;
    return follow_active_space(job, err) && store->operations->list_without_vector(
                                                store, job->progress.to, &job->cursor, REINDEX_PAGE,
                                                job->page, &job->page_count, &job->has_more, err);
}

// Copies the next picture; false when there is none, or the pass has been ended.
static bool take_next(struct reindex_job *job, struct image_record *record) {
    struct error problem = {0};
    bool is_taken = false;
    (void)pthread_mutex_lock(&job->list_mutex);
    while (!is_taken && !is_halted(job)) {
        if (job->page_next < job->page_count) {
            *record = job->page[job->page_next++];
            is_taken = !is_known_failure(job, record->id);
            continue;
        }
        if (!job->has_more) break;
        if (!read_page(job, &problem)) halt(job, &problem);
    }
    (void)pthread_mutex_unlock(&job->list_mutex);
    return is_taken;
}

static enum outcome embed(struct reindex_job *job, const struct prepared_image *image,
                          struct embedding *embedding, struct error *err) {
    struct engine *engine = job->service->options.engine;
    for (;;) {
        struct error problem = {0};
        if (engine_embed_image(engine, image, QUEUE_BULK, embedding, NULL, &problem)) return ADDED;
        if (problem.kind == ERROR_OVERLOADED && reindex_wait(job, RETRY_NS)) continue;
        (void)error_set(err, problem.kind, "%s", problem.text);
        bool is_ours = problem.kind == ERROR_OVERLOADED || problem.kind == ERROR_UNAVAILABLE;
        return is_ours ? HALTED : FAILED;
    }
}

static enum outcome embed_stored(struct reindex_job *job, const char *id,
                                 struct embedding *embedding, struct error *err) {
    struct service *service = job->service;
    struct image_record record;
    struct prepared_image image;
    struct image_info info;
    size_t size;
    char *bytes = service_image_content(service, id, &record, &size, err);
    if (bytes == NULL)
        return err->kind == ERROR_NOT_FOUND ? GONE : err->kind == ERROR_STORAGE ? FAILED : HALTED;
    bool is_prepared = picture_prepare(service, service->options.engine, bytes, size,
                                       IMAGE_FOR_EMBEDDING, &image, &info, err);
    memory_free(bytes);
    enum outcome outcome = is_prepared ? embed(job, &image, embedding, err) : FAILED;
    prepared_image_clear(&image);
    return outcome;
}

static enum outcome add_vector(struct reindex_job *job, const char *id, struct error *err) {
    struct service *service = job->service;
    struct store *store = service->options.store;
    struct embedding embedding;
    slot_take(&service->bulk_slots);
    enum outcome outcome = embed_stored(job, id, &embedding, err);
    slot_give_back(&service->bulk_slots);
    if (outcome != ADDED || store->operations->put_vector(
                                store, id, engine_info(service->options.engine)->embedding_model,
                                embedding.values, embedding.width, err))
        return outcome;
    return err->kind == ERROR_NOT_FOUND ? GONE : HALTED;
}

static void note_failure(struct reindex_job *job, const char *id, const struct error *why) {
    log_warning("no vector of %s for image %s: %s", job->progress.to, id, why->text);
    (void)pthread_mutex_lock(&job->list_mutex);
    char(*grown)[IMAGE_ID_SIZE] =
        memory_try_resize(job->failed, job->failed_count + 1, sizeof *job->failed);
    if (grown != NULL) {  // else it will be tried, and told of, again
        job->failed = grown;
        memcpy(job->failed[job->failed_count++], id, IMAGE_ID_SIZE);
    }
    (void)pthread_mutex_unlock(&job->list_mutex);
    (void)pthread_mutex_lock(&job->mutex);
    job->progress.failed++;
    (void)pthread_mutex_unlock(&job->mutex);
}

static void note_done(struct reindex_job *job) {
    struct reindex_progress *progress = &job->progress;
    (void)pthread_mutex_lock(&job->mutex);
    // Beside other servers, or when pictures are deleted, the count is corrected at the end.
    size_t before = progress->done;
    if (progress->done < progress->total) progress->done++;
    job->added++;
    if (progress->total > 0 && before * 100 / progress->total / PERCENT_A_LOG_LINE !=
                                   progress->done * 100 / progress->total / PERCENT_A_LOG_LINE)
        log_info("%zu of %zu pictures have vectors of %s", progress->done, progress->total,
                 progress->to);
    (void)pthread_mutex_unlock(&job->mutex);
}

static void report(struct reindex_job *job) {
    if (job->report == NULL) return;
    (void)pthread_mutex_lock(&job->mutex);
    job->report(job->report_context, &job->progress);
    (void)pthread_mutex_unlock(&job->mutex);
}

static void *work(void *context) {
    struct reindex_job *job = context;
    struct image_record record;
    while (take_next(job, &record)) {
        struct error problem = {0};
        enum outcome outcome = add_vector(job, record.id, &problem);
        if (outcome == ADDED) note_done(job);
        if (outcome == FAILED) note_failure(job, record.id, &problem);
        if (outcome == HALTED) halt(job, &problem);
        report(job);
    }
    return NULL;
}

bool reindex_pass(struct reindex_job *job, struct error *err) {
    pthread_t threads[THREADS];
    size_t started = 0;
    job->cursor = (struct store_cursor){0};
    job->page_count = job->page_next = job->added = 0;
    job->has_more = true;
    while (started + 1 < THREADS && pthread_create(&threads[started], NULL, work, job) == 0)
        started++;
    (void)work(job);  // also where no thread could be started
    for (size_t i = 0; i < started; i++) (void)pthread_join(threads[i], NULL);
    if (job->failed_count > 1)
        qsort(job->failed, job->failed_count, sizeof *job->failed, compare_ids);
    job->failed_known = job->failed_count;
    if (reindex_is_stopping(job)) return error_set(err, ERROR_UNAVAILABLE, "stopped");
    return job->fault.kind == ERROR_NONE || error_set(err, job->fault.kind, "%s", job->fault.text);
}
