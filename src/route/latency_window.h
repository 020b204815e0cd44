// How long local captions took of late: the p95 and the median of the last LATENCY_WINDOW_SIZE.
// Both are kept up to date as durations come, so reading is a lock and a copy. Any thread.
#pragma once

#include <pthread.h>
#include <stddef.h>

enum { LATENCY_WINDOW_SIZE = 128 };

struct latency_figures {
    double p95_ms;     // 95 of 100 took no longer; 0: none yet
    double median_ms;  // half of them took no longer; 0: none yet
};

struct latency_window {
    pthread_mutex_t lock;                // guards all below
    double recent[LATENCY_WINDOW_SIZE];  // ms; a ring
    double sorted[LATENCY_WINDOW_SIZE];  // the same ones, shortest first
    size_t count;
    size_t next;  // place in the ring
};

void latency_window_init(struct latency_window *window);
void latency_window_clear(struct latency_window *window);
// The longest-held duration makes way when the window is full. What is no duration (negative, not
// finite) is left out.
void latency_window_add(struct latency_window *window, double duration_ms);
struct latency_figures latency_window_read(struct latency_window *window);
