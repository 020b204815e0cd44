// One word says everything about the work at hand: its number (high half) and the next task to be
// taken (low half). A thread takes a task by raising the word, and raises it only if nothing has
// changed since it read what the work is; so a thread that was descheduled meanwhile cannot touch
// later work, and nobody has to wait for it. The caller waits for tasks, never for threads: on a
// busy machine it does them all itself.
//
// Workers without a task watch the word for SPIN_LIMIT rounds and then sleep on the condition
// variable; the caller takes the mutex to wake them only when somebody sleeps.
#include "base/thread_pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/processors.h"

enum {
    SPIN_LIMIT = 4000,  // about 100 us of pause instructions: longer than the gap between layers
    MAX_THREADS = 256,
    WORKER_STACK_BYTES = 512 * 1024,  // kernels keep their scratch elsewhere
};

#define NO_TASK UINT32_MAX  // low half of the word while the work is being described

struct thread_pool {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    size_t thread_count;  // with the caller
    pthread_t *threads;   // [thread_count - 1]
    size_t started;

    _Atomic(thread_pool_task *) function;  // the work; constant while its number stands
    _Atomic(void *) context;
    atomic_uint_least32_t task_count;
    _Alignas(MEMORY_CACHE_LINE) atomic_uint_least64_t word;
    _Alignas(MEMORY_CACHE_LINE) atomic_uint_least32_t tasks_done;
    atomic_int sleepers;
    atomic_bool is_stopping;
};

struct worker {
    struct thread_pool *pool;
    size_t index;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Takes and runs tasks until there are none; returns the word it saw last.
static uint64_t take_tasks(struct thread_pool *pool, size_t worker) {
    for (;;) {
        uint64_t word = atomic_load_explicit(&pool->word, memory_order_acquire);
        uint32_t task = (uint32_t)word;
        thread_pool_task *function = atomic_load_explicit(&pool->function, memory_order_relaxed);
        void *context = atomic_load_explicit(&pool->context, memory_order_relaxed);
        if (task >= atomic_load_explicit(&pool->task_count, memory_order_relaxed)) return word;
        if (!atomic_compare_exchange_weak_explicit(&pool->word, &word, word + 1,
                                                   memory_order_acq_rel, memory_order_relaxed))
            continue;
        function(context, task, worker);
        atomic_fetch_add_explicit(&pool->tasks_done, 1, memory_order_release);
    }
}

// Returns when the word is no longer `seen`, spinning first and then sleeping.
static void await_change(struct thread_pool *pool, uint64_t seen) {
    for (int i = 0; i < SPIN_LIMIT; i++) {
        if (atomic_load_explicit(&pool->word, memory_order_acquire) != seen) return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(&pool->word) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    struct worker worker = *(struct worker *)argument;
    memory_free(argument);
    for (;;) {
        uint64_t seen = take_tasks(worker.pool, worker.index);
        if (atomic_load(&worker.pool->is_stopping)) return NULL;
        await_change(worker.pool, seen);
    }
}

static void set_word(struct thread_pool *pool, uint64_t word) {
    atomic_store(&pool->word, word);
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

void thread_pool_run(struct thread_pool *pool, thread_pool_task *function, void *context,
                     size_t tasks) {
    if (pool->thread_count == 1 || tasks <= 1) {
        for (size_t task = 0; task < tasks; task++) function(context, task, 0);
        return;
    }
    assert(tasks < NO_TASK);
    uint64_t number = (atomic_load_explicit(&pool->word, memory_order_relaxed) >> 32) + 1;
    // No thread may take a task while the description changes.
    atomic_store(&pool->word, number << 32 | NO_TASK);
    atomic_store_explicit(&pool->function, function, memory_order_relaxed);
    atomic_store_explicit(&pool->context, context, memory_order_relaxed);
    atomic_store_explicit(&pool->task_count, (uint32_t)tasks, memory_order_relaxed);
    atomic_store_explicit(&pool->tasks_done, 0, memory_order_relaxed);
    set_word(pool, number << 32);
    (void)take_tasks(pool, 0);
    // Spin for the common case; a worker that was descheduled within its task gets our turn.
    for (int i = 0; atomic_load_explicit(&pool->tasks_done, memory_order_acquire) != tasks; i++) {
        if (i < SPIN_LIMIT) {
            relax();
        } else {
            (void)sched_yield();
        }
    }
}

struct thread_pool *thread_pool_create(size_t threads, struct error *err) {
    if (threads == 0) threads = processor_count();
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    struct thread_pool *pool = memory_try_aligned(1, sizeof *pool);
    if (pool == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the thread pool");
        return NULL;
    }
    *pool = (struct thread_pool){.thread_count = threads, .word = NO_TASK};
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = memory_alloc(threads * sizeof *pool->threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    bool is_done = true;
    for (size_t i = 1; i < threads && is_done; i++) {
        struct worker *worker = memory_alloc(sizeof *worker);
        *worker = (struct worker){.pool = pool, .index = i};
        is_done =
            pthread_create(&pool->threads[pool->started], &attributes, worker_main, worker) == 0;
        if (is_done) {
            pool->started++;
        } else {
            memory_free(worker);
        }
    }
    pthread_attr_destroy(&attributes);
    if (is_done) return pool;
    error_set(err, ERROR_INTERNAL, "cannot start %zu threads; ask for fewer with --threads",
              threads);
    thread_pool_destroy(pool);
    return NULL;
}

void thread_pool_destroy(struct thread_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->is_stopping, true);
    set_word(pool, atomic_load(&pool->word) + (UINT64_C(1) << 32));
    for (size_t i = 0; i < pool->started; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    memory_free(pool->threads);
    memory_free(pool);
}

size_t thread_pool_size(const struct thread_pool *pool) { return pool->thread_count; }
