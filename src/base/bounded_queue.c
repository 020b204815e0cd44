#include "base/bounded_queue.h"

#include <pthread.h>
#include <time.h>

#include "base/memory.h"

// One ring a lane; each is as long as the whole queue, so a lane alone may fill it.
struct lane {
    void **entries;
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
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    queue->capacity = capacity;
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) {
        queue->lanes[i].entries = memory_try_zeroed(capacity, sizeof(void *));
        if (queue->lanes[i].entries != NULL) continue;
        error_set(err, ERROR_INTERNAL, "out of memory for a queue of %zu entries", capacity);
        bounded_queue_destroy(queue);
        return NULL;
    }
    return queue;
}

void bounded_queue_destroy(struct bounded_queue *queue) {
    if (queue == NULL) return;
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) memory_free(queue->lanes[i].entries);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
    memory_free(queue);
}

static size_t depth_locked(const struct bounded_queue *queue) {
    size_t depth = 0;
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) depth += queue->lanes[i].count;
    return depth;
}

bool bounded_queue_push(struct bounded_queue *queue, enum queue_lane lane, void *entry,
                        struct error *err) {
    bool is_done = false;
    pthread_mutex_lock(&queue->mutex);
    if (queue->is_closed) {
        error_set(err, ERROR_UNAVAILABLE, "the server is shutting down; try again shortly");
    } else if (depth_locked(queue) >= queue->capacity) {
        error_set(err, ERROR_OVERLOADED,
                  "the queue is full (%zu requests are waiting); try again shortly",
                  queue->capacity);
    } else {
        struct lane *chosen = &queue->lanes[lane];
        chosen->entries[(chosen->first + chosen->count) % queue->capacity] = entry;
        chosen->count++;
        pthread_cond_signal(&queue->filled);
        is_done = true;
    }
    pthread_mutex_unlock(&queue->mutex);
    return is_done;
}

static void *take_locked(struct bounded_queue *queue) {
    for (int i = 0; i < QUEUE_LANE_COUNT; i++) {
        struct lane *lane = &queue->lanes[i];
        if (lane->count == 0) continue;
        void *entry = lane->entries[lane->first];
        lane->first = (lane->first + 1) % queue->capacity;
        lane->count--;
        return entry;
    }
    return NULL;
}

void *bounded_queue_pop(struct bounded_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    while (depth_locked(queue) == 0 && !queue->is_closed)
        pthread_cond_wait(&queue->filled, &queue->mutex);
    void *entry = take_locked(queue);
    pthread_mutex_unlock(&queue->mutex);
    return entry;
}

void *bounded_queue_pop_until(struct bounded_queue *queue, int64_t deadline_monotonic_ns) {
    struct timespec deadline = {.tv_sec = (time_t)(deadline_monotonic_ns / 1000000000),
                                .tv_nsec = (long)(deadline_monotonic_ns % 1000000000)};
    pthread_mutex_lock(&queue->mutex);
    while (depth_locked(queue) == 0 && !queue->is_closed)
        if (pthread_cond_timedwait(&queue->filled, &queue->mutex, &deadline) != 0) break;
    void *entry = take_locked(queue);
    pthread_mutex_unlock(&queue->mutex);
    return entry;
}

void bounded_queue_close(struct bounded_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

size_t bounded_queue_depth(struct bounded_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    size_t depth = depth_locked(queue);
    pthread_mutex_unlock(&queue->mutex);
    return depth;
}
