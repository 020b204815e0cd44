#include "service/relevance.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"

static const char *const bank[] = {
#define CAPTION(text) text,
#include "service/relevance_bank_list.h"
#undef CAPTION
};
enum {
    BANK_COUNT = sizeof bank / sizeof *bank,
    // As many texts as the engine puts into one batch; fewer would wait for company in vain.
    THREADS_MAX = 16,
    RETRY_NS = 20000000,  // 20 ms until a full queue is asked again
};

// How many times as well as the bank's average caption a query has to describe a picture for its
// relevance to be one half: docs/relevance.md has what other numbers do.
static const float LEAD = 8.0F;

struct relevance {
    struct engine *engine;
    pthread_t threads[THREADS_MAX];
    size_t thread_count;
    atomic_size_t next;  // caption to embed
    atomic_bool is_stopping;
    pthread_mutex_t mutex;  // guards what follows
    pthread_cond_t is_made;
    size_t made;           // captions
    struct error failure;  // of the first that failed
    size_t width;
    float logit_scale;  // the engine's
    float *columns;     // [width, BANK_COUNT]: captions side by side, so that sums over them
                        // need no particular order
};

// A full queue is no reason to give up.
static bool embed_caption(struct relevance *relevance, const char *text,
                          struct embedding *embedding, struct error *err) {
    struct engine_timings timings;
    bool is_cut;
    for (;;) {
        struct error problem = {0};
        if (engine_embed_text(relevance->engine, text, QUEUE_BULK, embedding, &is_cut, &timings,
                              &problem))
            return true;
        if (problem.kind != ERROR_OVERLOADED || atomic_load(&relevance->is_stopping))
            return error_set(err, problem.kind, "%s", problem.text);
        (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
}

static void *make_bank(void *argument) {
    struct relevance *relevance = argument;
    size_t i;
    while (!atomic_load(&relevance->is_stopping) &&
           (i = atomic_fetch_add(&relevance->next, 1)) < BANK_COUNT) {
        struct embedding embedding;
        struct error problem = {0};
        bool is_done = embed_caption(relevance, bank[i], &embedding, &problem);
        (void)pthread_mutex_lock(&relevance->mutex);
        for (size_t j = 0; is_done && j < relevance->width; j++)
            relevance->columns[j * BANK_COUNT + i] = embedding.values[j];
        if (!is_done && relevance->failure.kind == ERROR_NONE) relevance->failure = problem;
        relevance->made++;
        (void)pthread_cond_broadcast(&relevance->is_made);
        (void)pthread_mutex_unlock(&relevance->mutex);
    }
    return NULL;
}

struct relevance *relevance_create(struct engine *engine, struct error *err) {
    const struct engine_info *info = engine_info(engine);
    size_t width = info->embedding_width;
    // At most half of the queue, so that at start it is not full for those who ask for something.
    size_t threads =
        info->queue_capacity / 2 < THREADS_MAX ? info->queue_capacity / 2 : THREADS_MAX;
    if (threads == 0) threads = 1;
    float *columns = memory_try_zeroed(width * BANK_COUNT, sizeof *columns);
    if (columns == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the bank of captions");
        return NULL;
    }
    struct relevance *relevance = memory_alloc(sizeof *relevance);
    relevance->engine = engine;
    relevance->width = width;
    relevance->logit_scale = info->logit_scale;
    relevance->columns = columns;
    (void)pthread_mutex_init(&relevance->mutex, NULL);
    (void)pthread_cond_init(&relevance->is_made, NULL);
    while (relevance->thread_count < threads &&
           pthread_create(&relevance->threads[relevance->thread_count], NULL, make_bank,
                          relevance) == 0)
        relevance->thread_count++;
    if (relevance->thread_count > 0) return relevance;
    relevance_destroy(relevance);
    error_set(err, ERROR_INTERNAL, "cannot start a thread; allow this process more of them");
    return NULL;
}

void relevance_destroy(struct relevance *relevance) {
    if (relevance == NULL) return;
    atomic_store(&relevance->is_stopping, true);
    for (size_t i = 0; i < relevance->thread_count; i++)
        (void)pthread_join(relevance->threads[i], NULL);
    (void)pthread_cond_destroy(&relevance->is_made);
    (void)pthread_mutex_destroy(&relevance->mutex);
    memory_free(relevance->columns);
    memory_free(relevance);
}

bool relevance_is_ready(struct relevance *relevance) {
    (void)pthread_mutex_lock(&relevance->mutex);
    bool is_ready = relevance->made == BANK_COUNT && relevance->failure.kind == ERROR_NONE;
    (void)pthread_mutex_unlock(&relevance->mutex);
    return is_ready;
}

static bool wait_for_bank(struct relevance *relevance, struct error *err) {
    (void)pthread_mutex_lock(&relevance->mutex);
    while (relevance->made < BANK_COUNT && relevance->failure.kind == ERROR_NONE)
        (void)pthread_cond_wait(&relevance->is_made, &relevance->mutex);
    struct error failure = relevance->failure;
    (void)pthread_mutex_unlock(&relevance->mutex);
    return failure.kind == ERROR_NONE || error_set(err, failure.kind, "%s", failure.text);
}

// The cosines of a vector with every caption of the bank.
static void bank_cosines(const struct relevance *relevance, const float *vector,
                         float cosines[static BANK_COUNT]) {
    size_t j = 0;
    for (size_t i = 0; i < BANK_COUNT; i++) cosines[i] = 0;
    // Four rows at once: a fourth of the loads and stores of the sums.
    for (; j + 4 <= relevance->width; j += 4) {
        const float *rows = relevance->columns + j * BANK_COUNT;
        for (size_t i = 0; i < BANK_COUNT; i++)
            cosines[i] += vector[j] * rows[i] + vector[j + 1] * rows[BANK_COUNT + i] +
                          vector[j + 2] * rows[2 * BANK_COUNT + i] +
                          vector[j + 3] * rows[3 * BANK_COUNT + i];
    }
    for (; j < relevance->width; j++)
        for (size_t i = 0; i < BANK_COUNT; i++)
            cosines[i] += vector[j] * relevance->columns[j * BANK_COUNT + i];
}

// ln of the mean of exp(logit) over the bank, with the largest taken out before.
static float bank_logit(const struct relevance *relevance, const float *vector) {
    float cosines[BANK_COUNT], largest = -INFINITY, sum = 0;
    bank_cosines(relevance, vector, cosines);
    for (size_t i = 0; i < BANK_COUNT; i++)
        if (cosines[i] > largest) largest = cosines[i];
    for (size_t i = 0; i < BANK_COUNT; i++)
        sum += expf(relevance->logit_scale * (cosines[i] - largest));
    return relevance->logit_scale * largest + logf(sum / (float)BANK_COUNT);
}

bool relevance_score(struct relevance *relevance, const float *query, const float *vectors,
                     size_t count, size_t width, float *scores, struct error *err) {
    if (width != relevance->width)
        return error_set(err, ERROR_INTERNAL, "relevance is of vectors of %zu numbers, not %zu",
                         relevance->width, width);
    if (!wait_for_bank(relevance, err)) return false;
    for (size_t i = 0; i < count; i++) {
        const float *vector = vectors + i * width;
        float cosine = 0;
        for (size_t j = 0; j < width; j++) cosine += query[j] * vector[j];
        float lead = relevance->logit_scale * cosine - bank_logit(relevance, vector);
        scores[i] = 1 / (1 + LEAD * expf(-lead));
    }
    return true;
}
