// One mutex orders the queue: accepting, beginning and removing. Another guards what runs, so that
// looking at a job never waits for a disk. That a job runs is known here only; the store has it
// queued until it ends.
#include "service/jobs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/stage_trace.h"

enum {
    THREADS_MAX = 64,
    THREAD_STACK_BYTES = 1024 * 1024,  // as the handlers of the http room: decoders run there
    // With pauses of 1 s, 2 s, 4 s … 5 minutes: more than an hour.
    ATTEMPTS_MAX = 20,
    // Of what another server answered or did not: a picture's address may be wrong for good.
    FETCH_ATTEMPTS_MAX = 3,
    PAUSE_MAX_MS = 5 * 60 * 1000,
    STORE_PAUSE_MS = 1000,  // where the store of jobs itself fails
};

struct running_job {
    struct jobs *jobs;
    pthread_t thread;
    bool is_busy;
    struct job job;
    char *bytes;
    size_t size;
    const char *stage;
};

struct jobs {
    struct jobs_options options;
    pthread_mutex_t queue_mutex;
    pthread_cond_t changed;
    bool is_stopping;
    bool is_failing;  // the store of jobs; told once

    pthread_mutex_t running_mutex;  // within queue_mutex, never around it
    struct running_job *running;    // [options.threads]
    size_t thread_count;
};

static void tell(const struct jobs *jobs, const struct job *job, const char *stage,
                 const struct image_record *record) {
    if (jobs->options.observer != NULL)
        jobs->options.observer(jobs->options.observer_context, job, stage, record);
}

// Once when it begins to fail, once when it works again.
static void note_store(struct jobs *jobs, bool is_done, const struct error *problem) {
    if (is_done == !jobs->is_failing) return;
    jobs->is_failing = !is_done;
    if (is_done)
        log_info("jobs go on");
    else
        log_error("jobs wait: %s", problem->text);
}

static void wait_locked(struct jobs *jobs, int64_t until_ms) {
    if (until_ms == INT64_MAX) {
        (void)pthread_cond_wait(&jobs->changed, &jobs->queue_mutex);
        return;
    }
    int64_t pause_ms = until_ms - clock_utc_ms();
    if (pause_ms < 0) pause_ms = 0;
    int64_t until_ns = clock_monotonic_ns() + pause_ms * 1000000 + 1000000;
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
                             .tv_nsec = (long)(until_ns % 1000000000)};
    (void)pthread_cond_timedwait(&jobs->changed, &jobs->queue_mutex, &until);
}

// Takes the next job; false: none may begin before *next_ms.
static bool claim_locked(struct jobs *jobs, struct running_job *mine, int64_t *next_ms) {
    int64_t taken[THREADS_MAX];
    size_t taken_count = 0;
    bool is_found = false;
    struct job job;
    struct error problem = {0};
    (void)pthread_mutex_lock(&jobs->running_mutex);
    for (size_t i = 0; i < jobs->options.threads; i++)
        if (jobs->running[i].is_busy) taken[taken_count++] = jobs->running[i].job.sequence;
    (void)pthread_mutex_unlock(&jobs->running_mutex);
    bool is_done = job_store_next(jobs->options.store, taken, taken_count, &job, &mine->bytes,
                                  &mine->size, &is_found, next_ms, &problem);
    note_store(jobs, is_done, &problem);
    if (!is_done) *next_ms = clock_utc_ms() + STORE_PAUSE_MS;
    if (!is_done || !is_found) return false;
    job.state = JOB_RUNNING;
    job.started_ms = clock_utc_ms();
    (void)pthread_mutex_lock(&jobs->running_mutex);
    mine->job = job;
    mine->stage = NULL;
    mine->is_busy = true;
    (void)pthread_mutex_unlock(&jobs->running_mutex);
    return true;
}

static void set_stage(void *context, const char *stage) {
    struct running_job *mine = context;
    (void)pthread_mutex_lock(&mine->jobs->running_mutex);
    mine->stage = stage;
    (void)pthread_mutex_unlock(&mine->jobs->running_mutex);
    tell(mine->jobs, &mine->job, stage, NULL);
}

static struct span *begin_span(const struct job *job) {
    struct trace_origin origin = {0};
    origin.has_parent = trace_context_parse(job->trace_parent, &origin.parent);
    struct span *span = trace_begin_request("job", clock_monotonic_ns(), &origin);
    span_set_text(span, "imgrouter.job.id", job->id);
    span_set_integer(span, "imgrouter.job.attempts", job->attempts);
    (void)trace_switch(span);
    return span;
}

static bool ingest(struct running_job *mine, struct ingest_result *result, struct error *problem) {
    const struct job *job = &mine->job;
    struct service *service = mine->jobs->options.service;
    struct ingest_options options = {
        .file_name = job->file_name[0] == '\0' ? NULL : job->file_name,
        .lane = job->is_bulk ? QUEUE_BULK : QUEUE_INTERACTIVE,
        .quality = (enum route_quality)job->quality,
        .note_stage = set_stage,
        .stage_context = mine,
    };
    struct span *span = begin_span(job);
    bool is_done =
        mine->bytes == NULL
            ? service_ingest_url(service, job->url, &options, result, problem)
            : service_ingest_image(service, mine->bytes, mine->size, &options, result, problem);
    stage_trace_end(span, is_done || error_http_status(problem->kind) < 500, problem);
    (void)trace_switch(NULL);
    return is_done;
}

static int attempts_max(enum error_kind kind) {
    switch (kind) {
        case ERROR_OVERLOADED:
        case ERROR_UNAVAILABLE:
        case ERROR_STORAGE:
            return ATTEMPTS_MAX;
        case ERROR_UPSTREAM:
        case ERROR_TIMEOUT:
            return FETCH_ATTEMPTS_MAX;
        default:
            return 1;
    }
}

static int64_t pause_ms(int attempts) {
    int64_t ms = 1000LL << (attempts < 20 ? attempts - 1 : 19);
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

// *job is then as it is to be shown. False: it could not be written down; it is queued still.
static bool settle(struct jobs *jobs, struct job *job, bool is_done,
                   const struct ingest_result *result, const struct error *problem) {
    struct error err = {0};
    bool is_written;
    job->attempts += !is_done;
    if (!is_done && job->attempts < attempts_max(problem->kind)) {
        job->state = JOB_QUEUED;
        job->started_ms = 0;
        is_written = job_store_postpone(jobs->options.store, job,
                                        clock_utc_ms() + pause_ms(job->attempts), &err);
    } else {
        job->state = is_done ? JOB_DONE : JOB_FAILED;
        job->finished_ms = clock_utc_ms();
        job->problem = is_done ? (struct error){0} : *problem;
        job->was_known = is_done && result->was_known;
        if (is_done) memcpy(job->image_id, result->record.id, sizeof job->image_id);
        is_written = job_store_finish(jobs->options.store, job, &err);
        if (is_written)
            metrics_add(jobs->options.metrics, METRIC_JOBS, is_done ? "done" : "failed", NULL, 1);
    }
    if (!is_written)
        log_error("the end of job %s is not written down and it will be done again: %s", job->id,
                  err.text);
    return is_written;
}

static void log_end(const struct job *job) {
    if (job->state == JOB_DONE)
        log_info("job %s: image %s", job->id, job->image_id);
    else if (job->state == JOB_FAILED)
        log_write(error_http_status(job->problem.kind) >= 500 ? LOG_WARNING : LOG_INFO,
                  "job %s failed: %s", job->id, job->problem.text);
}

static bool is_stopping(struct jobs *jobs) {
    (void)pthread_mutex_lock(&jobs->queue_mutex);
    bool is_so = jobs->is_stopping;
    (void)pthread_mutex_unlock(&jobs->queue_mutex);
    return is_so;
}

static void run(struct running_job *mine) {
    struct jobs *jobs = mine->jobs;
    struct ingest_result result;
    struct error problem = {0};
    struct job job = mine->job;
    tell(jobs, &job, NULL, NULL);
    bool is_done = ingest(mine, &result, &problem);
    // What fails because we stop is no attempt: it waits for the next start.
    bool is_left = !is_done && problem.kind == ERROR_UNAVAILABLE && is_stopping(jobs);
    bool is_settled = !is_left && settle(jobs, &job, is_done, &result, &problem);
    if (is_settled) log_end(&job);
    memory_free(mine->bytes);
    mine->bytes = NULL;
    if (!is_left && !is_settled) {  // not at once again
        struct timespec pause = {.tv_sec = STORE_PAUSE_MS / 1000};
        (void)nanosleep(&pause, NULL);
    }
    (void)pthread_mutex_lock(&jobs->running_mutex);
    mine->is_busy = false;
    (void)pthread_mutex_unlock(&jobs->running_mutex);
    if (is_settled) tell(jobs, &job, NULL, is_done ? &result.record : NULL);
}

static void *work(void *context) {
    struct running_job *mine = context;
    struct jobs *jobs = mine->jobs;
    (void)pthread_mutex_lock(&jobs->queue_mutex);
    while (!jobs->is_stopping) {
        int64_t next_ms = INT64_MAX;
        if (!claim_locked(jobs, mine, &next_ms)) {
            wait_locked(jobs, next_ms);
            continue;
        }
        (void)pthread_mutex_unlock(&jobs->queue_mutex);
        run(mine);
        (void)pthread_mutex_lock(&jobs->queue_mutex);
        // Put off, or not written down: somebody has to look at the time of the next one anew.
        (void)pthread_cond_signal(&jobs->changed);
    }
    (void)pthread_mutex_unlock(&jobs->queue_mutex);
    return NULL;
}

static bool start_threads(struct jobs *jobs, struct error *err) {
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    bool is_done = true;
    while (is_done && jobs->thread_count < jobs->options.threads) {
        struct running_job *mine = &jobs->running[jobs->thread_count];
        mine->jobs = jobs;
        is_done = pthread_create(&mine->thread, &attributes, work, mine) == 0;
        jobs->thread_count += is_done;
    }
    (void)pthread_attr_destroy(&attributes);
    return is_done || error_set(err, ERROR_UNAVAILABLE, "cannot start %zu threads for jobs",
                                jobs->options.threads);
}

struct jobs *jobs_create(const struct jobs_options *options, struct error *err) {
    struct jobs *jobs = memory_alloc(sizeof *jobs);
    jobs->options = *options;
    if (options->threads > THREADS_MAX) jobs->options.threads = THREADS_MAX;
    (void)pthread_mutex_init(&jobs->queue_mutex, NULL);
    (void)pthread_mutex_init(&jobs->running_mutex, NULL);
    clock_condition_init(&jobs->changed);
    jobs->running = memory_alloc(jobs->options.threads * sizeof *jobs->running);
    if (start_threads(jobs, err)) return jobs;
    jobs_destroy(jobs);
    return NULL;
}

void jobs_stop(struct jobs *jobs) {
    if (jobs == NULL) return;
    (void)pthread_mutex_lock(&jobs->queue_mutex);
    jobs->is_stopping = true;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->queue_mutex);
}

void jobs_destroy(struct jobs *jobs) {
    if (jobs == NULL) return;
    jobs_stop(jobs);
    for (size_t i = 0; i < jobs->thread_count; i++)
        (void)pthread_join(jobs->running[i].thread, NULL);
    (void)pthread_cond_destroy(&jobs->changed);
    (void)pthread_mutex_destroy(&jobs->running_mutex);
    (void)pthread_mutex_destroy(&jobs->queue_mutex);
    memory_free(jobs->running);
    memory_free(jobs);
}

bool jobs_accept(struct jobs *jobs, const struct job_request *request, struct job *job,
                 struct error *err) {
    const char *tracestate;
    *job = (struct job){.is_bulk = request->is_bulk, .quality = (int)request->quality};
    if (request->file_name != NULL)
        (void)snprintf(job->file_name, sizeof job->file_name, "%s", request->file_name);
    if (request->bytes == NULL) (void)snprintf(job->url, sizeof job->url, "%s", request->url);
    if (!trace_current_parent(job->trace_parent, &tracestate)) job->trace_parent[0] = '\0';
    (void)pthread_mutex_lock(&jobs->queue_mutex);
    // Told before another thread can begin it, so that its changes come in their order.
    bool is_done = jobs->is_stopping
                       ? error_set(err, ERROR_UNAVAILABLE, "the server is stopping; send it again")
                       : job_store_add(jobs->options.store, job, request->bytes, request->size,
                                       jobs->options.waiting_max, err);
    if (is_done) {
        tell(jobs, job, NULL, NULL);
        (void)pthread_cond_signal(&jobs->changed);
    }
    (void)pthread_mutex_unlock(&jobs->queue_mutex);
    return is_done;
}

// Puts what runs in the place of what the store has of it.
static const char *overlay(struct jobs *jobs, struct job *job) {
    const char *stage = NULL;
    if (job->state != JOB_QUEUED) return NULL;
    (void)pthread_mutex_lock(&jobs->running_mutex);
    for (size_t i = 0; i < jobs->options.threads; i++) {
        const struct running_job *running = &jobs->running[i];
        if (!running->is_busy || running->job.sequence != job->sequence) continue;
        *job = running->job;
        stage = running->stage;
    }
    (void)pthread_mutex_unlock(&jobs->running_mutex);
    return stage;
}

bool jobs_get(struct jobs *jobs, const char *id, struct job *job, const char **stage,
              struct error *err) {
    if (!job_store_get(jobs->options.store, id, job, err)) return false;
    *stage = overlay(jobs, job);
    return true;
}

static bool list_running(struct jobs *jobs, size_t limit, struct job *found, const char **stages,
                         size_t *count) {
    *count = 0;
    (void)pthread_mutex_lock(&jobs->running_mutex);
    for (size_t i = 0; i < jobs->options.threads && *count < limit; i++) {
        if (!jobs->running[i].is_busy) continue;
        found[*count] = jobs->running[i].job;
        stages[(*count)++] = jobs->running[i].stage;
    }
    (void)pthread_mutex_unlock(&jobs->running_mutex);
    return true;
}

bool jobs_list(struct jobs *jobs, enum job_state state, size_t limit, struct job *found,
               const char **stages, size_t *count, struct error *err) {
    if (state == JOB_RUNNING) return list_running(jobs, limit, found, stages, count);
    if (!job_store_list(jobs->options.store, state, limit, found, count, err)) return false;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const char *stage = overlay(jobs, &found[i]);
        if (state == JOB_QUEUED && found[i].state != JOB_QUEUED) continue;
        if (kept != i) found[kept] = found[i];
        stages[kept++] = stage;
    }
    *count = kept;
    return true;
}

bool jobs_remove(struct jobs *jobs, const char *id, struct error *err) {
    struct job job;
    (void)pthread_mutex_lock(&jobs->queue_mutex);  // so that it does not begin meanwhile
    bool is_done = job_store_get(jobs->options.store, id, &job, err);
    if (is_done) (void)overlay(jobs, &job);
    if (is_done && job.state == JOB_RUNNING)
        is_done = error_set(err, ERROR_CONFLICT,
                            "job %s is being done; delete the image that comes of it instead", id);
    is_done = is_done && job_store_remove(jobs->options.store, id, err);
    (void)pthread_mutex_unlock(&jobs->queue_mutex);
    if (is_done && job.state == JOB_QUEUED)
        metrics_add(jobs->options.metrics, METRIC_JOBS, "cancelled", NULL, 1);
    return is_done;
}

void jobs_measure(struct jobs *jobs, struct jobs_figures *figures) {
    size_t queued = job_store_waiting(jobs->options.store);
    figures->running = 0;
    (void)pthread_mutex_lock(&jobs->running_mutex);
    for (size_t i = 0; i < jobs->options.threads; i++) figures->running += jobs->running[i].is_busy;
    (void)pthread_mutex_unlock(&jobs->running_mutex);
    figures->waiting = queued > figures->running ? queued - figures->running : 0;
}
