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
    THREADS = 16,
    RETRY_NS = 20000000,  // 20 ms until a full queue is asked again
};

// Cosines times this are the logits that CLIP is trained on: the published models all end at the
// ceiling that their training sets for it (logit_scale = ln 100).
static const float LOGIT_SCALE = 100.0F;

struct relevance {
    struct engine *engine;
    pthread_t threads[THREADS];
    size_t thread_count;
    atomic_size_t next;  // caption to embed
    atomic_bool is_stopping;
    pthread_mutex_t mutex;  // guards what follows
    pthread_cond_t is_made;
    size_t made;           // captions
    struct error failure;  // of the first that failed
    size_t width;
    float *columns;  // [width, BANK_COUNT]: captions side by side, so that sums over them
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
    size_t width = engine_info(engine)->embedding_width;
    float *columns = memory_try_zeroed(width * BANK_COUNT, sizeof *columns);
    if (columns == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the bank of captions");
        return NULL;
    }
    struct relevance *relevance = memory_alloc(sizeof *relevance);
    relevance->engine = engine;
    relevance->width = width;
    relevance->columns = columns;
    (void)pthread_mutex_init(&relevance->mutex, NULL);
    (void)pthread_cond_init(&relevance->is_made, NULL);
    while (relevance->thread_count < THREADS &&
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

static bool wait_for_bank(struct relevance *relevance, struct error *err) {
    (void)pthread_mutex_lock(&relevance->mutex);
    while (relevance->made < BANK_COUNT && relevance->failure.kind == ERROR_NONE)
        (void)pthread_cond_wait(&relevance->is_made, &relevance->mutex);
    struct error failure = relevance->failure;
    (void)pthread_mutex_unlock(&relevance->mutex);
    return failure.kind == ERROR_NONE || error_set(err, failure.kind, "%s", failure.text);
}

// The logarithm of the sum over the bank of exp(logit), with the largest taken out before.
static float bank_logit(const struct relevance *relevance, const float *vector) {
    float logits[BANK_COUNT] = {0}, largest = -INFINITY, sum = 0;
    for (size_t j = 0; j < relevance->width; j++)
        for (size_t i = 0; i < BANK_COUNT; i++)
            logits[i] += vector[j] * relevance->columns[j * BANK_COUNT + i];
    for (size_t i = 0; i < BANK_COUNT; i++) {
        logits[i] *= LOGIT_SCALE;
        if (logits[i] > largest) largest = logits[i];
    }
    for (size_t i = 0; i < BANK_COUNT; i++) sum += expf(logits[i] - largest);
    return largest + logf(sum);
}

bool relevance_score(struct relevance *relevance, const float *query, const float *vectors,
                     size_t count, size_t width, float *scores, struct error *err) {
    // The bank may all but for a factor of the root of its size be better than the query: it has
    // captions that fit nearly every picture a little, and some that say what the query says.
    float allowance = logf((float)BANK_COUNT) / 2;
    if (width != relevance->width)
        return error_set(err, ERROR_INTERNAL, "relevance is of vectors of %zu numbers, not %zu",
                         relevance->width, width);
    if (!wait_for_bank(relevance, err)) return false;
    for (size_t i = 0; i < count; i++) {
        const float *vector = vectors + i * width;
        float cosine = 0;
        for (size_t j = 0; j < width; j++) cosine += query[j] * vector[j];
        float excess = LOGIT_SCALE * cosine - (bank_logit(relevance, vector) - allowance);
        scores[i] = 1 / (1 + expf(-excess));
    }
    return true;
}
