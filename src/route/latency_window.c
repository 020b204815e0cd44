#include <math.h>
#include <string.h>

#include "route/latency_window.h"

void latency_window_init(struct latency_window *window) {
    *window = (struct latency_window){0};
    pthread_mutex_init(&window->lock, NULL);
}

void latency_window_clear(struct latency_window *window) { pthread_mutex_destroy(&window->lock); }

// How many are shorter: where `duration_ms` is, or belongs, among the sorted ones.
static size_t sorted_place(const struct latency_window *window, double duration_ms) {
    size_t place = 0;
    while (place < window->count && window->sorted[place] < duration_ms) place++;
    return place;
}

static void sorted_remove(struct latency_window *window, double duration_ms) {
    size_t place = sorted_place(window, duration_ms);
    window->count--;
    memmove(window->sorted + place, window->sorted + place + 1,
            (window->count - place) * sizeof *window->sorted);
}

static void sorted_insert(struct latency_window *window, double duration_ms) {
    size_t place = sorted_place(window, duration_ms);
    memmove(window->sorted + place + 1, window->sorted + place,
            (window->count - place) * sizeof *window->sorted);
    window->sorted[place] = duration_ms;
    window->count++;
}

void latency_window_add(struct latency_window *window, double duration_ms) {
    if (!isfinite(duration_ms) || duration_ms < 0) return;
    pthread_mutex_lock(&window->lock);
    if (window->count == LATENCY_WINDOW_SIZE) sorted_remove(window, window->recent[window->next]);
    sorted_insert(window, duration_ms);
    window->recent[window->next] = duration_ms;
    window->next = (window->next + 1) % LATENCY_WINDOW_SIZE;
    pthread_mutex_unlock(&window->lock);
}

// The shortest duration that `percent` of all do not exceed (nearest rank).
static double sorted_percentile(const struct latency_window *window, size_t percent) {
    if (window->count == 0) return 0;
    size_t rank = (window->count * percent + 99) / 100;
    return window->sorted[rank - 1];
}

struct latency_figures latency_window_read(struct latency_window *window) {
    pthread_mutex_lock(&window->lock);
    struct latency_figures figures = {
        .p95_ms = sorted_percentile(window, 95),
        .median_ms = sorted_percentile(window, 50),
    };
    pthread_mutex_unlock(&window->lock);
    return figures;
}
