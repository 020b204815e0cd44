// How the values lie in memory, for metrics.c (updates) and metrics_text.c (exposition).
//
// A metric's series are its first label's values times its second's. A series of a counter or a
// gauge is one cell, the bits of a double. A series of a histogram is one cell for each bucket (a
// count, not cumulative, the last one for +Inf) and one for the sum. The count is not kept but
// added up from the buckets, so that one exposition never contradicts itself. Beside it each series
// of a histogram has a ring of what it was told last.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "observe/exemplars.h"
#include "observe/metrics.h"

enum { METRIC_LABELS = 2, METRIC_LABEL_VALUES_MAX = 64, METRIC_BUCKETS_MAX = 16 };

enum metric_kind {
    METRIC_KIND_COUNTER,
    METRIC_KIND_GAUGE,
    METRIC_KIND_HISTOGRAM,
    METRIC_KIND_INFO
};

struct metric_description {
    enum metric_kind kind;
    const char *name;
    const char *label_names[METRIC_LABELS];
    const char *label_lists[METRIC_LABELS];  // "new,known"
    const char *help;
    double buckets[METRIC_BUCKETS_MAX];
    size_t bucket_count;  // without +Inf
};
extern const struct metric_description metric_descriptions[METRIC_COUNT];

struct label_value {
    const char *text;  // into the list, not NUL-terminated
    size_t size;
};

struct metric_layout {
    struct label_value values[METRIC_LABELS][METRIC_LABEL_VALUES_MAX];
    size_t value_counts[METRIC_LABELS];  // 1 without the label
    size_t first_cell;
    size_t cells_per_series;
    size_t first_ring;  // of a histogram
};

struct recent_ring {
    atomic_size_t count;                      // all that was ever told
    _Atomic uint64_t values[METRICS_RECENT];  // bits of doubles; the next goes to count % RECENT
};

struct metrics {
    struct metric_layout layouts[METRIC_COUNT];
    _Atomic uint64_t *cells;
    struct recent_ring *rings;
    struct exemplars exemplars;  // one slot a cell
    metrics_trace_source *trace_source;
    pthread_mutex_t info_mutex;  // guards what follows
    char info[METRIC_COUNT][METRIC_LABELS][METRICS_INFO_SIZE];
    bool has_info[METRIC_COUNT];
};

static inline double metric_cell_double(const _Atomic uint64_t *cell) {
    union {
        uint64_t bits;
        double number;
    } value = {.bits = atomic_load_explicit(cell, memory_order_relaxed)};
    return value.number;
}
