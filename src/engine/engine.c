// The threading story.
//
// Models are owned by one worker thread; nobody else touches their weights' scratch, their caches
// or the kernels' threads. A caller (a handler thread of the server, or a command) prepares its
// picture itself, on its own thread: decoding and resizing of many pictures thus run beside the
// inference of another. Then it puts a job into a bounded queue of two lanes (interactive before
// bulk) and waits for it. The job lives on the caller's stack; the worker fills in the answer and
// raises `is_done` under the job's mutex, and never looks at the job again after that.
//
// The worker takes jobs in batches, since the models run several in less time than one after the
// other (batch.c). A batch is what is queued in the most urgent lane that has anything, in order,
// as much as a batch may hold. An interactive job is never kept waiting for company: batches of
// them form while the worker is busy. A bulk job is, for a few milliseconds, unless an interactive
// one comes. A batch under way is not interrupted, so an interactive job waits for one of them at
// most, and batch.h keeps the longest one short.
//
// A full queue refuses at once (ERROR_OVERLOADED), so that a burst is told to come back rather
// than made to wait. Kernels split their work over the compute's fixed pool of threads, of which
// the worker is one: one caption uses all processors, and jobs do not fight each other for them.
//
// Closing: no new jobs; the worker answers what is queued and ends.
#include "engine/engine.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/batch.h"
#include "engine/models.h"

// Enough for threads that send at once to come together (`bench` sees 16 of 16), and half of what
// the vector of one picture takes with a full-size model.
enum { BULK_WAIT_NS = 5000000 };

struct engine {
    struct models *models;
    struct engine_info info;
    struct bounded_queue *queue;
    pthread_t worker;
    bool is_started;
};

struct queued_job {
    struct job job;  // first, so that the one is found from the other
    int64_t queued_ns;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_done;
};

static size_t weigh(const void *entry) {
    const struct queued_job *queued = entry;
    return job_weight(&queued->job);
}

static void answer(struct job *job) {
    struct queued_job *queued = (struct queued_job *)job;
    pthread_mutex_lock(&queued->mutex);
    queued->is_done = true;
    pthread_cond_signal(&queued->changed);
    pthread_mutex_unlock(&queued->mutex);
}

static void *worker_main(void *argument) {
    static const struct queue_batch_rule rule = {
        .weigh = weigh, .weight_max = BATCH_WEIGHT_MAX, .bulk_wait_ns = BULK_WAIT_NS};
    struct engine *engine = argument;
    void *entries[BATCH_WEIGHT_MAX];
    size_t count;
    while ((count = bounded_queue_pop_batch(engine->queue, &rule, entries)) > 0) {
        struct job *jobs[BATCH_WEIGHT_MAX];
        for (size_t i = 0; i < count; i++) {
            struct queued_job *queued = entries[i];
            queued->job.timings.queue_ms = clock_ms_since(queued->queued_ns);
            jobs[i] = &queued->job;
        }
        batch_run(engine->models, jobs, count, answer);
    }
    return NULL;
}

struct engine *engine_create(const struct engine_options *options, struct error *err) {
    struct engine *engine = memory_alloc(sizeof *engine);
    engine->models = models_load(options, &engine->info, err);
    if (engine->models == NULL) goto fail;
    engine->info.queue_capacity = options->queue_capacity;
    engine->queue = bounded_queue_create(options->queue_capacity, err);
    if (engine->queue == NULL) goto fail;
    if (pthread_create(&engine->worker, NULL, worker_main, engine) != 0) {
        error_set(err, ERROR_INTERNAL, "cannot start the model thread");
        goto fail;
    }
    engine->is_started = true;
    return engine;
fail:
    engine_destroy(engine);
    return NULL;
}

void engine_close(struct engine *engine) { bounded_queue_close(engine->queue); }

void engine_destroy(struct engine *engine) {
    if (engine == NULL) return;
    if (engine->is_started) {
        engine_close(engine);
        pthread_join(engine->worker, NULL);
    }
    bounded_queue_destroy(engine->queue);
    models_destroy(engine->models);
    memory_free(engine);
}

const struct engine_info *engine_info(const struct engine *engine) { return &engine->info; }

size_t engine_queue_depth(struct engine *engine) { return bounded_queue_depth(engine->queue); }

// Queues the job and waits until it is answered.
static bool run_job(struct engine *engine, struct job *job, enum queue_lane lane,
                    struct error *err) {
    struct queued_job queued = {.job = *job, .queued_ns = clock_monotonic_ns()};
    pthread_mutex_init(&queued.mutex, NULL);
    pthread_cond_init(&queued.changed, NULL);
    if (bounded_queue_push(engine->queue, lane, &queued, &queued.job.error)) {
        pthread_mutex_lock(&queued.mutex);
        while (!queued.is_done) pthread_cond_wait(&queued.changed, &queued.mutex);
        pthread_mutex_unlock(&queued.mutex);
    }
    pthread_cond_destroy(&queued.changed);
    pthread_mutex_destroy(&queued.mutex);
    *job = queued.job;
    return job->error.kind == ERROR_NONE || error_set(err, job->error.kind, "%s", job->error.text);
}

bool engine_prepare_image(struct engine *engine, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info,
                          struct error *err) {
    return models_prepare_image(engine->models, bytes, size, limits, use, image, info, err);
}

static bool run_picture_job(struct engine *engine, const struct prepared_image *image,
                            struct job *job, enum queue_lane lane, struct engine_timings *timings,
                            struct error *err) {
    job->image = image;
    job->timings.preprocess_ms = image->preprocess_ms;
    bool is_answered = run_job(engine, job, lane, err);
    if (timings != NULL) *timings = job->timings;
    return is_answered;
}

bool engine_describe_image(struct engine *engine, const struct prepared_image *image,
                           enum queue_lane lane, struct description *description,
                           struct error *err) {
    struct job job = {.caption = &description->caption,
                      .embedding = &description->embedding,
                      .clip_score = &description->clip_score};
    return run_picture_job(engine, image, &job, lane, &description->timings, err);
}

bool engine_caption_image(struct engine *engine, const struct prepared_image *image,
                          enum queue_lane lane, struct caption *caption,
                          struct engine_timings *timings, struct error *err) {
    struct job job = {.caption = caption};
    return run_picture_job(engine, image, &job, lane, timings, err);
}

bool engine_embed_image(struct engine *engine, const struct prepared_image *image,
                        enum queue_lane lane, struct embedding *embedding,
                        struct engine_timings *timings, struct error *err) {
    struct job job = {.embedding = embedding};
    return run_picture_job(engine, image, &job, lane, timings, err);
}

bool engine_embed_text(struct engine *engine, const char *text, enum queue_lane lane,
                       struct embedding *embedding, bool *is_cut, struct engine_timings *timings,
                       struct error *err) {
    struct job job = {.text = text, .embedding = embedding};
    bool is_answered = run_job(engine, &job, lane, err);
    if (is_cut != NULL) *is_cut = job.is_cut;
    if (timings != NULL) *timings = job.timings;
    return is_answered;
}
