#include "service/text_bank.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "base/memory.h"

enum {
    // As many texts as the engine puts into one batch; fewer would wait for company in vain.
    THREADS_MAX = 16,
    RETRY_NS = 20000000,  // 20 ms until a full queue is asked again
};

struct text_bank {
    struct engine *engine;
    const char *const *texts;
    size_t count;
    pthread_t threads[THREADS_MAX];
    size_t thread_count;
    atomic_size_t next;  // text to embed
    atomic_bool is_stopping;
    pthread_mutex_t mutex;  // guards what follows
    pthread_cond_t is_made;
    size_t made;           // texts
    struct error failure;  // of the first that failed
    size_t width;
    float *columns;  // [width, count]: texts side by side, so that sums over them need no
                     // particular order
};

// A full queue is no reason to give up.
static bool embed(struct text_bank *bank, const char *text, struct embedding *embedding,
                  struct error *err) {
    struct engine_timings timings;
    bool is_cut;
    for (;;) {
        struct error problem = {0};
        if (engine_embed_text(bank->engine, text, QUEUE_BULK, embedding, &is_cut, &timings,
                              &problem))
            return true;
        if (problem.kind != ERROR_OVERLOADED || atomic_load(&bank->is_stopping))
            return error_set(err, problem.kind, "%s", problem.text);
        (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
}

static void *make_vectors(void *argument) {
    struct text_bank *bank = argument;
    size_t i;
    while (!atomic_load(&bank->is_stopping) &&
           (i = atomic_fetch_add(&bank->next, 1)) < bank->count) {
        struct embedding embedding;
        struct error problem = {0};
        bool is_done = embed(bank, bank->texts[i], &embedding, &problem);
        (void)pthread_mutex_lock(&bank->mutex);
        for (size_t j = 0; is_done && j < bank->width; j++)
            bank->columns[j * bank->count + i] = embedding.values[j];
        if (!is_done && bank->failure.kind == ERROR_NONE) bank->failure = problem;
        bank->made++;
        (void)pthread_cond_broadcast(&bank->is_made);
        (void)pthread_mutex_unlock(&bank->mutex);
    }
    return NULL;
}

struct text_bank *text_bank_create(struct engine *engine, const char *const *texts, size_t count,
                                   struct error *err) {
    const struct engine_info *info = engine_info(engine);
    size_t width = info->embedding_width, floats;
    // At most half of the queue, so that at start it is not full for those who ask for something.
    size_t threads =
        info->queue_capacity / 2 < THREADS_MAX ? info->queue_capacity / 2 : THREADS_MAX;
    if (threads == 0) threads = 1;
    float *columns =
        size_multiply(width, count, &floats) ? memory_try_zeroed(floats, sizeof *columns) : NULL;
    if (columns == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the vectors of %zu texts", count);
        return NULL;
    }
    struct text_bank *bank = memory_alloc(sizeof *bank);
    bank->engine = engine;
    bank->texts = texts;
    bank->count = count;
    bank->width = width;
    bank->columns = columns;
    (void)pthread_mutex_init(&bank->mutex, NULL);
    (void)pthread_cond_init(&bank->is_made, NULL);
    while (bank->thread_count < threads &&
           pthread_create(&bank->threads[bank->thread_count], NULL, make_vectors, bank) == 0)
        bank->thread_count++;
    if (bank->thread_count > 0) return bank;
    text_bank_destroy(bank);
    error_set(err, ERROR_INTERNAL, "cannot start a thread; allow this process more of them");
    return NULL;
}

void text_bank_destroy(struct text_bank *bank) {
    if (bank == NULL) return;
    atomic_store(&bank->is_stopping, true);
    for (size_t i = 0; i < bank->thread_count; i++) (void)pthread_join(bank->threads[i], NULL);
    (void)pthread_cond_destroy(&bank->is_made);
    (void)pthread_mutex_destroy(&bank->mutex);
    memory_free(bank->columns);
    memory_free(bank);
}

bool text_bank_is_ready(struct text_bank *bank) {
    (void)pthread_mutex_lock(&bank->mutex);
    bool is_ready = bank->made == bank->count && bank->failure.kind == ERROR_NONE;
    (void)pthread_mutex_unlock(&bank->mutex);
    return is_ready;
}

bool text_bank_wait(struct text_bank *bank, struct error *err) {
    (void)pthread_mutex_lock(&bank->mutex);
    while (bank->made < bank->count && bank->failure.kind == ERROR_NONE)
        (void)pthread_cond_wait(&bank->is_made, &bank->mutex);
    struct error failure = bank->failure;
    (void)pthread_mutex_unlock(&bank->mutex);
    return failure.kind == ERROR_NONE || error_set(err, failure.kind, "%s", failure.text);
}

void text_bank_cosines(const struct text_bank *bank, const float *vector, float *cosines) {
    size_t j = 0, count = bank->count;
    for (size_t i = 0; i < count; i++) cosines[i] = 0;
    // Four rows at once: a fourth of the loads and stores of the sums.
    for (; j + 4 <= bank->width; j += 4) {
        const float *rows = bank->columns + j * count;
        for (size_t i = 0; i < count; i++)
            cosines[i] += vector[j] * rows[i] + vector[j + 1] * rows[count + i] +
                          vector[j + 2] * rows[2 * count + i] + vector[j + 3] * rows[3 * count + i];
    }
    for (; j < bank->width; j++)
        for (size_t i = 0; i < count; i++) cosines[i] += vector[j] * bank->columns[j * count + i];
}
