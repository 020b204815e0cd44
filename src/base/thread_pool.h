// A fixed set of threads that share one piece of work at a time: the caller gives a function and
// a number of tasks, takes part itself, and returns when all are done. Made for short kernels:
// workers spin for a few microseconds before they sleep, since waking a sleeping thread costs
// more than many of the products they compute (50-80 us measured).
//
// One thread at a time may call thread_pool_run; the task function must not call it again.
#pragma once

#include <stddef.h>

#include "base/error.h"

struct thread_pool;

// `task` counts from 0; `worker` is 0 for the caller up to thread_pool_size - 1, so that each can
// have scratch memory of its own.
typedef void thread_pool_task(void *context, size_t task, size_t worker);

// `threads` counts the caller; 0: processor_count().
struct thread_pool *thread_pool_create(size_t threads, struct error *err);
void thread_pool_destroy(struct thread_pool *pool);
size_t thread_pool_size(const struct thread_pool *pool);
void thread_pool_run(struct thread_pool *pool, thread_pool_task *function, void *context,
                     size_t tasks);
