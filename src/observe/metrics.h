// The metrics of the process: one table, metrics_list.h, of names, kinds, label values and help;
// everything else is derived from it. Updates are lock-free, from any thread. Every series of the
// table exists from the start with 0, and no other can appear: a label value that is not in the
// table counts under "other" where the table has it, else nowhere.
#pragma once

#include <stdbool.h>
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

// Tells the trace of what the calling thread does, 32 hex digits; false: it is in none. Counters
// and buckets keep it as their exemplar. Set before other threads use the metrics.
typedef bool metrics_trace_source(char trace_id[static 33]);
void metrics_set_trace_source(struct metrics *metrics, metrics_trace_source *source);

// `first` and `second` are the values of the metric's labels, NULL where it has none.
void metrics_add(struct metrics *metrics, enum metric metric, const char *first, const char *second,
                 double amount);  // counters and gauges
void metrics_set(struct metrics *metrics, enum metric metric, const char *first, const char *second,
                 double value);  // gauges, and counters that others count
void metrics_observe(struct metrics *metrics, enum metric metric, const char *first,
                     const char *second, double value);  // histograms
double metrics_value(const struct metrics *metrics, enum metric metric, const char *first,
                     const char *second);  // counters and gauges; a histogram's count
// What a histogram was told last, in no order: at most METRICS_RECENT values, however old they are.
// Returns how many. Values that come meanwhile may be among them or not.
enum { METRICS_RECENT = 512 };
size_t metrics_recent(const struct metrics *metrics, enum metric metric, const char *first,
                      const char *second, double values[static METRICS_RECENT]);

// The index-th value of a metric's first (0) or second (1) label; false: there are not as many.
enum { METRICS_LABEL_SIZE = 48 };
bool metrics_label_value(const struct metrics *metrics, enum metric metric, size_t label,
                         size_t index, char text[static METRICS_LABEL_SIZE]);

// For metrics of kind INFO: their label values, any text (mended to valid UTF-8 of at most
// METRICS_INFO_SIZE - 1 bytes). Such a series appears once it is set; setting it again replaces it.
enum { METRICS_INFO_SIZE = 160 };
void metrics_set_info(struct metrics *metrics, enum metric metric, const char *first,
                      const char *second);

// Prometheus text format 0.0.4, or OpenMetrics 1.0, which has exemplars.
enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
#define METRICS_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
// With the process's own metrics (CPU, memory, descriptors) at the end. Caller frees with
// memory_free; NULL when memory is out.
char *metrics_text_create(struct metrics *metrics, enum metrics_format format, size_t *size);
