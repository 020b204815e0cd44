#include "service/reindex.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/reindex_job.h"
#include "service/search_space.h"
#include "service/service_private.h"

// Between two tries while the store is away: soon at first, then so rarely that the log stays
// short.
enum { FIRST_WAIT_S = 1, LONGEST_WAIT_S = 60 };
// How long the other servers on a store have to notice that one has finished: each looks once a
// page, and a slow machine takes some ten seconds for one.
enum { OTHERS_NOTICE_S = 30 };
static const int64_t NS_A_SECOND = 1000000000;

struct reindex_job *reindex_job_create(struct service *service) {
    struct reindex_job *job = memory_alloc(sizeof *job);
    job->service = service;
    (void)snprintf(job->progress.to, sizeof job->progress.to, "%s",
                   engine_info(service->options.engine)->embedding_model);
    (void)pthread_mutex_init(&job->mutex, NULL);
    (void)pthread_mutex_init(&job->list_mutex, NULL);
    clock_condition_init(&job->stops);
    return job;
}

void reindex_job_destroy(struct reindex_job *job) {
    if (job == NULL) return;
    memory_free(job->failed);
    (void)pthread_cond_destroy(&job->stops);
    (void)pthread_mutex_destroy(&job->list_mutex);
    (void)pthread_mutex_destroy(&job->mutex);
    memory_free(job);
}

void service_reindex_progress(struct service *service, struct reindex_progress *progress) {
    struct reindex_job *job = service->reindex;
    (void)pthread_mutex_lock(&job->mutex);
    *progress = job->progress;
    (void)pthread_mutex_unlock(&job->mutex);
}

bool reindex_is_stopping(struct reindex_job *job) {
    (void)pthread_mutex_lock(&job->mutex);
    bool is_stopping = job->is_stopping;
    (void)pthread_mutex_unlock(&job->mutex);
    return is_stopping;
}

bool reindex_wait(struct reindex_job *job, int64_t ns) {
    int64_t end_ns = clock_monotonic_ns() + ns;
    const struct timespec end = {.tv_sec = end_ns / NS_A_SECOND, .tv_nsec = end_ns % NS_A_SECOND};
    int result = 0;
    (void)pthread_mutex_lock(&job->mutex);
    while (!job->is_stopping && result == 0)
        result = pthread_cond_timedwait(&job->stops, &job->mutex, &end);
    bool goes_on = !job->is_stopping;
    (void)pthread_mutex_unlock(&job->mutex);
    return goes_on;
}

static void set_state(struct reindex_job *job, enum reindex_state state) {
    (void)pthread_mutex_lock(&job->mutex);
    job->progress.state = state;
    (void)pthread_mutex_unlock(&job->mutex);
}

static bool count_pictures(struct reindex_job *job, struct error *err) {
    struct store *store = job->service->options.store;
    struct store_space spaces[STORE_SPACES_MAX];
    size_t space_count, total, done = 0;
    if (!store->operations->count(store, &total, err) ||
        !store->operations->list_spaces(store, spaces, &space_count, err))
        return false;
    for (size_t i = 0; i < space_count; i++)
        if (strcmp(spaces[i].embedding_model, job->progress.to) == 0) done = spaces[i].count;
    (void)pthread_mutex_lock(&job->mutex);
    job->progress.total = total;
    job->progress.done = done < total ? done : total;
    (void)pthread_mutex_unlock(&job->mutex);
    return true;
}

// *is_work: the model that runs is good enough to replace the former one.
static bool begin(struct reindex_job *job, bool *is_work, struct error *err) {
    struct space_choice *choice = &job->service->space_choice;
    struct reindex_progress *progress = &job->progress;
    error_clear(&job->fault);
    if (!space_choice_keep(job->service, err) || !count_pictures(job, err)) return false;
    (void)pthread_mutex_lock(&choice->mutex);
    enum space_change change = choice->change;
    bool is_former = choice->former_engine != NULL;
    (void)pthread_mutex_unlock(&choice->mutex);
    *is_work = change != SPACE_HELD;
    (void)pthread_mutex_lock(&job->mutex);
    if (change != SPACE_SAME) memcpy(progress->from, choice->former, sizeof progress->from);
    progress->is_from_searched = is_former;
    progress->state = *is_work ? REINDEX_RUNNING : REINDEX_HELD;
    size_t missing = progress->total - progress->done;
    (void)pthread_mutex_unlock(&job->mutex);
    if (*is_work && missing > 0 && is_former)
        log_info("%zu of %zu pictures get vectors of %s; until then searches use those of %s",
                 missing, progress->total, progress->to, progress->from);
    else if (*is_work && missing > 0)
        log_info("%zu of %zu pictures get vectors of %s; until then searches do not find them",
                 missing, progress->total, progress->to);
    return true;
}

// The vectors of other models are of no use once every picture has one of this model.
static bool remove_other_spaces(struct reindex_job *job, struct error *err) {
    struct store *store = job->service->options.store;
    struct store_space spaces[STORE_SPACES_MAX];
    size_t count;
    if (!store->operations->list_spaces(store, spaces, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(spaces[i].embedding_model, job->progress.to) == 0) continue;
        if (!store->operations->remove_space(store, spaces[i].embedding_model, err)) return false;
        log_info("the vectors of %s are removed", spaces[i].embedding_model);
    }
    return true;
}

// Searches change over. Uploads that had begun in the former space end before it is removed, and
// their records follow the others'.
static bool change_over(struct reindex_job *job, struct error *err) {
    struct store *store = job->service->options.store;
    const char *to = job->progress.to;
    if (!store->operations->set_active_space(store, to, err)) return false;
    space_choice_switch(job->service);
    (void)pthread_mutex_lock(&job->mutex);
    job->progress.is_from_searched = false;
    (void)pthread_mutex_unlock(&job->mutex);
    return store->operations->set_active_space(store, to, err);
}

// The vectors of other models go, unless there is a picture that has no others. On a shared store
// they may also be those that another server is making of a newer model, or still searches.
static bool tidy_up(struct reindex_job *job, struct error *err) {
    const struct reindex_progress *progress = &job->progress;
    bool is_shared = job->service->options.store->operations->is_shared;
    bool has_changed = progress->from[0] != '\0';
    if (progress->failed > 0) {
        log_warning(
            "%zu pictures have no vector of %s, since their bytes are lost or not readable: upload "
            "or delete them. Vectors of other models are kept",
            progress->failed, progress->to);
        return true;
    }
    if (is_shared && (!has_changed || !reindex_wait(job, OTHERS_NOTICE_S * NS_A_SECOND)))
        return true;
    return remove_other_spaces(job, err);
}

static bool run(struct reindex_job *job, struct error *err) {
    bool is_work;
    size_t added = 0;
    if (!begin(job, &is_work, err)) return false;
    if (!is_work) return true;
    // Until a pass finds nothing more: pictures may have come, or an upload may have failed between
    // its two vectors.
    do {
        if (!reindex_pass(job, err)) return false;
        added += job->added;
    } while (job->added > 0);
    bool is_change = added > 0 || job->progress.from[0] != '\0';
    if ((is_change && !change_over(job, err)) || !count_pictures(job, err)) return false;
    set_state(job, REINDEX_COMPLETE);
    if (is_change)
        log_info("%zu of %zu pictures have vectors of %s, which searches use", job->progress.done,
                 job->progress.total, job->progress.to);
    return tidy_up(job, err);
}

bool service_reindex_run(struct service *service, reindex_report *report, void *context,
                         struct error *err) {
    struct reindex_job *job = service->reindex;
    job->report = report;
    job->report_context = context;
    bool is_done = run(job, err);
    job->report = NULL;
    return is_done;
}

static void *run_in_background(void *context) {
    struct reindex_job *job = context;
    int wait_s = FIRST_WAIT_S;
    for (;;) {
        struct error problem = {0};
        if (run(job, &problem)) return NULL;
        if (reindex_is_stopping(job)) return NULL;
        set_state(job, REINDEX_WAITING);
        if (job->added > 0) wait_s = FIRST_WAIT_S;
        log_warning("vectors of %s cannot be added now, next try in %d s: %s", job->progress.to,
                    wait_s, problem.text);
        if (!reindex_wait(job, wait_s * NS_A_SECOND)) return NULL;
        wait_s = wait_s * 2 < LONGEST_WAIT_S ? wait_s * 2 : LONGEST_WAIT_S;
    }
}

bool service_reindex_start(struct service *service, struct error *err) {
    struct reindex_job *job = service->reindex;
    job->is_started = pthread_create(&job->thread, NULL, run_in_background, job) == 0;
    return job->is_started ||
           error_set(err, ERROR_INTERNAL, "cannot start a thread for the pictures' vectors");
}

void service_reindex_stop(struct service *service) {
    struct reindex_job *job = service->reindex;
    (void)pthread_mutex_lock(&job->mutex);
    job->is_stopping = true;
    (void)pthread_cond_broadcast(&job->stops);
    (void)pthread_mutex_unlock(&job->mutex);
    if (job->is_started) (void)pthread_join(job->thread, NULL);
    job->is_started = false;
}
