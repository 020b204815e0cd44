// The threading story.
//
// Models are owned by one worker thread; nobody else touches their weights' scratch, their caches
// or the kernels' threads. A caller (a handler thread of the server, or a command) prepares its
// picture itself, on its own thread: decoding and resizing of many pictures thus run beside the
// inference of another. Then it puts a job into a bounded queue of two lanes (interactive before
// bulk) and waits for it. The job lives on the caller's stack; the worker fills in the answer and
// raises `is_done` under the job's mutex, and never looks at the job again after that.
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
#include "engine/models.h"

struct engine {
    struct models *models;
    struct engine_info info;
    struct bounded_queue *queue;
    pthread_t worker;
    bool is_started;
};

struct job {
    const struct prepared_image *image;  // NULL for a text
    const char *text;                    // NULL for a picture
    struct caption *caption;             // wanted when not NULL
    struct embedding *embedding;         // wanted when not NULL
    float *clip_score;                   // wanted when not NULL, with both of the above
    bool is_cut;
    struct engine_timings timings;
    struct error error;
    bool is_answered;  // false: see error
    int64_t queued_ns;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_done;
};

static bool run_picture(struct models *models, struct job *job) {
    if (job->caption != NULL &&
        !models_caption(models, job->image, job->caption, &job->timings, &job->error))
        return false;
    if (job->embedding == NULL) return true;
    int64_t started = clock_monotonic_ns();
    bool is_answered = models_embed_image(models, job->image, job->embedding, &job->error);
    if (is_answered && job->clip_score != NULL) {
        struct embedding words;
        struct error ignored = {0};
        // A caption may come out empty; then there is nothing to compare.
        *job->clip_score = models_embed_text(models, job->caption->text, &words, NULL, &ignored)
                               ? models_similarity(models, job->embedding, &words)
                               : 0.0f;
    }
    job->timings.embedding_ms = clock_ms_since(started);
    return is_answered;
}

static bool run_text(struct models *models, struct job *job) {
    int64_t started = clock_monotonic_ns();
    bool is_answered =
        models_embed_text(models, job->text, job->embedding, &job->is_cut, &job->error);
    job->timings.embedding_ms = clock_ms_since(started);
    return is_answered;
}

static void *worker_main(void *argument) {
    struct engine *engine = argument;
    struct job *job;
    while ((job = bounded_queue_pop(engine->queue)) != NULL) {
        job->timings.queue_ms = clock_ms_since(job->queued_ns);
        job->is_answered =
            job->image != NULL ? run_picture(engine->models, job) : run_text(engine->models, job);
        pthread_mutex_lock(&job->mutex);
        job->is_done = true;
        pthread_cond_signal(&job->changed);
        pthread_mutex_unlock(&job->mutex);
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
    pthread_mutex_init(&job->mutex, NULL);
    pthread_cond_init(&job->changed, NULL);
    job->queued_ns = clock_monotonic_ns();
    bool is_queued = bounded_queue_push(engine->queue, lane, job, err);
    if (is_queued) {
        pthread_mutex_lock(&job->mutex);
        while (!job->is_done) pthread_cond_wait(&job->changed, &job->mutex);
        pthread_mutex_unlock(&job->mutex);
        if (!job->is_answered) error_set(err, job->error.kind, "%s", job->error.text);
    }
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->mutex);
    return is_queued && job->is_answered;
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
