// The metrics of the process: one table, metrics_list.h, of names, kinds, label values and help;
// everything else is derived from it. Updates are lock-free, from any thread. Every series of the
// table exists from the start with 0, and no other can appear: a label value that is not in the
// table counts under "other" where the table has it, else nowhere.
#pragma once

#include <stddef.h>

#include "base/error.h"

enum metric {
#define METRIC(id, ...) METRIC_##id,
#include "observe/metrics_list.h"
#undef METRIC
    METRIC_COUNT
};

struct metrics;

struct metrics *metrics_create(struct error *err);
void metrics_destroy(struct metrics *metrics);

// `first` and `second` are the values of the metric's labels, NULL where it has none.
void metrics_add(struct metrics *metrics, enum metric metric, const char *first, const char *second,
                 double amount);  // counters and gauges
void metrics_set(struct metrics *metrics, enum metric metric, const char *first, const char *second,
                 double value);  // gauges, and counters that others count
void metrics_observe(struct metrics *metrics, enum metric metric, const char *first,
                     const char *second, double value);  // histograms
double metrics_value(const struct metrics *metrics, enum metric metric, const char *first,
                     const char *second);  // counters and gauges; a histogram's count

// For metrics of kind INFO: their label values, any text (mended to valid UTF-8 of at most
// METRICS_INFO_SIZE - 1 bytes). Such a series appears once it is set; setting it again replaces it.
enum { METRICS_INFO_SIZE = 160 };
void metrics_set_info(struct metrics *metrics, enum metric metric, const char *first,
                      const char *second);

// Prometheus text format 0.0.4, with the process's own metrics (CPU, memory, descriptors) at the
// end. Caller frees with memory_free; NULL when memory is out.
char *metrics_text_create(struct metrics *metrics, size_t *size);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
