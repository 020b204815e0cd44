#include "api/batch_threads.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "observe/trace.h"

enum {
    BATCHES_MAX = 4,                   // requests at work at once
    THREADS_MAX = 256,                 // of one
    THREAD_STACK_BYTES = 1024 * 1024,  // as the handlers of the http room: decoders run there
};

struct batch_work {
    void (*work)(void *context, size_t index);
    void *context;
    size_t count;
    atomic_size_t next;
    struct span *span;  // of the request
};

bool batch_enter(struct api *api, struct error *err) {
    if (atomic_fetch_add(&api->running_batches, 1) < BATCHES_MAX) return true;
    atomic_fetch_sub(&api->running_batches, 1);
    return error_set(err, ERROR_OVERLOADED,
                     "%d batches are at work already; come back when one of them is done",
                     BATCHES_MAX);
}

void batch_leave(struct api *api) { atomic_fetch_sub(&api->running_batches, 1); }

static void *work_on(void *context) {
    struct batch_work *work = context;
    size_t index;
    (void)trace_switch(work->span);
    while ((index = atomic_fetch_add(&work->next, 1)) < work->count)
        work->work(work->context, index);
    return NULL;
}

// The caller is one of the threads, so that the work is done also where no other can be started.
void batch_threads_run(const struct api *api, size_t count,
                       void (*work)(void *context, size_t index), void *context) {
    pthread_t threads[THREADS_MAX];
    struct batch_work shared = {
        .work = work, .context = context, .count = count, .span = trace_current()};
    size_t wanted = count < api->batch_threads ? count : api->batch_threads;
    size_t started = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    while (started + 1 < wanted && started < THREADS_MAX &&
           pthread_create(&threads[started], &attributes, work_on, &shared) == 0)
        started++;
    pthread_attr_destroy(&attributes);
    (void)work_on(&shared);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
}
