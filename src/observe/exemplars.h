// For each counter and each bucket of a histogram the last observation that was made in a traced
// request, so that a dashboard leads from a figure to a trace. Nobody waits for one: while the
// metrics are being written out, or another thread keeps one, an exemplar is left out. Any thread.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { EXEMPLAR_TRACE_SIZE = 33 };  // 32 hex digits and NUL

struct exemplar {
    char trace_id[EXEMPLAR_TRACE_SIZE];  // empty: there is none
    double value;
    int64_t time_ms;  // UTC
};

struct exemplars {
    pthread_mutex_t mutex;  // guards the slots
    struct exemplar *slots;
};

bool exemplars_init(struct exemplars *exemplars, size_t slot_count, struct error *err);
void exemplars_clear(struct exemplars *exemplars);
void exemplars_keep(struct exemplars *exemplars, size_t slot, const char *trace_id, double value);
// Between the two the slots may be read.
void exemplars_lock(struct exemplars *exemplars);
void exemplars_unlock(struct exemplars *exemplars);
