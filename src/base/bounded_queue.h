// A queue of pointers between threads with a fixed number of places and two lanes: interactive
// entries always leave before bulk ones. A full queue refuses at once, so that the caller can
// tell its client to come back, rather than letting everybody wait.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct bounded_queue;

enum queue_lane { QUEUE_INTERACTIVE, QUEUE_BULK, QUEUE_LANE_COUNT };

// `capacity` entries in each lane, so that interactive ones find a place however much bulk work
// there is.
struct bounded_queue *bounded_queue_create(size_t capacity, struct error *err);
void bounded_queue_destroy(struct bounded_queue *queue);  // must be empty

// false with ERROR_OVERLOADED when full, ERROR_UNAVAILABLE after bounded_queue_close.
bool bounded_queue_push(struct bounded_queue *queue, enum queue_lane lane, void *entry,
                        struct error *err);
// Waits for an entry; NULL once the queue is closed and empty.
void *bounded_queue_pop(struct bounded_queue *queue);

// How much may leave together.
struct queue_batch_rule {
    // What an entry counts, 1 or more. Called with the queue locked.
    size_t (*weigh)(const void *entry);
    size_t weight_max;  // of all together; an entry that is heavier leaves alone
    // How long after the first of a batch was queued a bulk one is waited for while it may grow. An
    // interactive entry ends the wait and leaves first; interactive ones are never kept waiting.
    int64_t bulk_wait_ns;
};
// Waits for entries and takes those at the front of the most urgent lane, in order, as many as the
// rule allows. `entries` has room for weight_max. Returns their count, 0 once the queue is closed
// and empty. For one thread that nobody else pops beside.
size_t bounded_queue_pop_batch(struct bounded_queue *queue, const struct queue_batch_rule *rule,
                               void **entries);
// No more pushes; what is queued can still be popped.
void bounded_queue_close(struct bounded_queue *queue);
size_t bounded_queue_depth(struct bounded_queue *queue);
