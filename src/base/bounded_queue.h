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

// `capacity` entries in both lanes together.
struct bounded_queue *bounded_queue_create(size_t capacity, struct error *err);
void bounded_queue_destroy(struct bounded_queue *queue);  // must be empty

// false with ERROR_OVERLOADED when full, ERROR_UNAVAILABLE after bounded_queue_close.
bool bounded_queue_push(struct bounded_queue *queue, enum queue_lane lane, void *entry,
                        struct error *err);
// Waits for an entry; NULL once the queue is closed and empty.
void *bounded_queue_pop(struct bounded_queue *queue);
// Like pop, but gives up (NULL) when `deadline_monotonic_ns` has passed.
void *bounded_queue_pop_until(struct bounded_queue *queue, int64_t deadline_monotonic_ns);
// No more pushes; what is queued can still be popped.
void bounded_queue_close(struct bounded_queue *queue);
size_t bounded_queue_depth(struct bounded_queue *queue);
