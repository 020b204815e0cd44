#include "base/bounded_queue.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

struct place {
    void *entry;
    int64_t queued_ns;
};

// A ring.
struct lane {
    struct place *places;
    size_t first;
    size_t count;
};

struct bounded_queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    struct lane lanes[QUEUE_LANE_COUNT];
    size_t capacity;
    bool is_closed;
};

struct bounded_queue *bounded_queue_create(size_t capacity, struct error *err) {
    struct bounded_queue *queue = memory_alloc(sizeof *queue);
    pthread_mutex_init(&queue->mutex, NULL);
    clock_condition_init(&queue->filled);
    queue->capacity = capacity;
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) {
        queue->lanes[i].places = memory_try_zeroed(capacity, sizeof(struct place));
        if (queue->lanes[i].places != NULL) continue;
        error_set(err, ERROR_INTERNAL, "out of memory for a queue of %zu entries", capacity);
        bounded_queue_destroy(queue);
        return NULL;
    }
    return queue;
}

void bounded_queue_destroy(struct bounded_queue *queue) {
    if (queue == NULL) return;
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) memory_free(queue->lanes[i].places);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
    memory_free(queue);
}

// The place `offset` behind the first of the lane.
static struct place *place_at(const struct bounded_queue *queue, const struct lane *lane,
                              size_t offset) {
    return &lane->places[(lane->first + offset) % queue->capacity];
}

bool bounded_queue_push(struct bounded_queue *queue, enum queue_lane lane, void *entry,
                        struct error *err) {
    bool is_done = false;
    pthread_mutex_lock(&queue->mutex);
    if (queue->is_closed) {
        error_set(err, ERROR_UNAVAILABLE, "the server is shutting down; try again shortly");
    } else if (queue->lanes[lane].count >= queue->capacity) {
        error_set(err, ERROR_OVERLOADED,
                  "the queue is full (%zu requests are waiting); try again shortly",
                  queue->capacity);
    } else {
        struct lane *chosen = &queue->lanes[lane];
        *place_at(queue, chosen, chosen->count) = (struct place){entry, clock_monotonic_ns()};
        chosen->count++;
        pthread_cond_signal(&queue->filled);
        is_done = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return is_done;
}

// Waits for an entry; the most urgent lane that has one, NULL once the queue is closed and empty.
static struct lane *wait_for_lane_locked(struct bounded_queue *queue) {
    while (true) {
        for (int i = 0; i < QUEUE_LANE_COUNT; i++)
            if (queue->lanes[i].count > 0) return &queue->lanes[i];
        if (queue->is_closed) return NULL;
        pthread_cond_wait(&queue->filled, &queue->mutex);
    }
}

static void *take_locked(const struct bounded_queue *queue, struct lane *lane) {
    void *entry = place_at(queue, lane, 0)->entry;
    lane->first = (lane->first + 1) % queue->capacity;
    lane->count--;
    return entry;
}

void *bounded_queue_pop(struct bounded_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    struct lane *lane = wait_for_lane_locked(queue);
    void *entry = lane == NULL ? NULL : take_locked(queue, lane);
    pthread_mutex_unlock(&queue->mutex);
    return entry;
}

// How many entries at the front of the lane leave together. *is_full: no more would, if they came.
static size_t count_batch_locked(const struct bounded_queue *queue, const struct lane *lane,
                                 const struct queue_batch_rule *rule, bool *is_full) {
    size_t count = 0, weight = 0;
    while (count < lane->count && weight < rule->weight_max) {
        weight += rule->weigh(place_at(queue, lane, count)->entry);
        if (count == 0 || weight <= rule->weight_max) count++;
    }
    *is_full = weight >= rule->weight_max;
    return count;
}

size_t bounded_queue_pop_batch(struct bounded_queue *queue, const struct queue_batch_rule *rule,
                               void **entries) {
    size_t count = 0;
    struct lane *lane;
    pthread_mutex_lock(&queue->mutex);
    while ((lane = wait_for_lane_locked(queue)) != NULL) {
        bool is_full;
        count = count_batch_locked(queue, lane, rule, &is_full);
        if (lane != &queue->lanes[QUEUE_BULK] || is_full || queue->is_closed) break;
        int64_t deadline_ns = place_at(queue, lane, 0)->queued_ns + rule->bulk_wait_ns;
        if (clock_monotonic_ns() >= deadline_ns) break;
        struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                    .tv_nsec = (long)(deadline_ns % 1000000000)};
        (void)pthread_cond_timedwait(&queue->filled, &queue->mutex, &deadline);
    }
    // Another consumer may have emptied the queue meanwhile, and it may be closed.
    if (lane == NULL) count = 0;
    for (size_t i = 0; i < count; i++) entries[i] = take_locked(queue, lane);
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

void bounded_queue_close(struct bounded_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

size_t bounded_queue_depth(struct bounded_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    size_t depth = 0;
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) depth += queue->lanes[i].count;
    pthread_mutex_unlock(&queue->mutex);
    return depth;
}
