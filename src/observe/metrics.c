#include "observe/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "observe/metrics_private.h"

// Metrics without buckets give 0, which no histogram has as a bound.
#define METRIC(id, kind_, name_, label_1, list_1, label_2, list_2, help_, ...)              \
    [METRIC_##id] = {.kind = METRIC_KIND_##kind_,                                           \
                     .name = (name_),                                                       \
                     .label_names = {label_1, label_2},                                     \
                     .label_lists = {list_1, list_2},                                       \
                     .help = (help_),                                                       \
                     .buckets = {__VA_ARGS__},                                              \
                     .bucket_count = METRIC_KIND_##kind_ == METRIC_KIND_HISTOGRAM           \
                                         ? sizeof((double[]){__VA_ARGS__}) / sizeof(double) \
                                         : 0},
const struct metric_description metric_descriptions[METRIC_COUNT] = {
#include "observe/metrics_list.h"
};
#undef METRIC

static void read_list(const char *list, struct label_value *values, size_t *count) {
    *count = 1;
    if (list == NULL) return;
    for (*count = 0;; list++) {
        assert(*count < METRIC_LABEL_VALUES_MAX);
        size_t size = strcspn(list, ",");
        values[(*count)++] = (struct label_value){.text = list, .size = size};
        list += size;
        if (*list == '\0') return;
    }
}

struct metrics *metrics_create(struct error *err) {
    struct metrics *metrics = memory_alloc(sizeof *metrics);
    size_t cell_count = 0, ring_count = 0;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_description *description = &metric_descriptions[i];
        struct metric_layout *layout = &metrics->layouts[i];
        for (size_t label = 0; label < METRIC_LABELS; label++)
            read_list(description->label_lists[label], layout->values[label],
                      &layout->value_counts[label]);
        layout->first_cell = cell_count;
        layout->cells_per_series =
            description->kind == METRIC_KIND_HISTOGRAM ? description->bucket_count + 2 : 1;
        layout->first_ring = ring_count;
        size_t series = layout->value_counts[0] * layout->value_counts[1];
        cell_count += series * layout->cells_per_series;
        if (description->kind == METRIC_KIND_HISTOGRAM) ring_count += series;
    }
    metrics->cells = memory_try_zeroed(cell_count, sizeof *metrics->cells);
    metrics->rings = memory_try_zeroed(ring_count, sizeof *metrics->rings);
    if (metrics->cells == NULL || metrics->rings == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for %zu metrics", cell_count);
        goto failed;
    }
    if (!exemplars_init(&metrics->exemplars, cell_count, err)) goto failed;
    pthread_mutex_init(&metrics->info_mutex, NULL);
    return metrics;
failed:
    memory_free(metrics->cells);
    memory_free(metrics->rings);
    memory_free(metrics);
    return NULL;
}

void metrics_destroy(struct metrics *metrics) {
    if (metrics == NULL) return;
    pthread_mutex_destroy(&metrics->info_mutex);
    exemplars_clear(&metrics->exemplars);
    memory_free(metrics->rings);
    memory_free(metrics->cells);
    memory_free(metrics);
}

// The label value's place in its list; that of "other" when it is not there; false without that.
static bool find_value(const struct metric_layout *layout, size_t label, const char *value,
                       size_t *place) {
    *place = 0;
    size_t count = layout->value_counts[label];
    if (layout->values[label][0].text == NULL) return true;  // the metric has no such label
    if (value == NULL) value = "other";
    size_t size = strlen(value);
    for (; *place < count; ++*place) {
        const struct label_value *known = &layout->values[label][*place];
        if (known->size == size && memcmp(known->text, value, size) == 0) return true;
    }
    *place = count - 1;
    const struct label_value *last = &layout->values[label][*place];
    return last->size == strlen("other") && memcmp(last->text, "other", last->size) == 0;
}

// The number of the series among its metric's; false: there is none for these values.
static bool find_place(const struct metrics *metrics, enum metric metric, const char *first,
                       const char *second, size_t *series) {
    const struct metric_layout *layout = &metrics->layouts[metric];
    size_t places[METRIC_LABELS];
    if (!find_value(layout, 0, first, &places[0]) || !find_value(layout, 1, second, &places[1]))
        return false;
    *series = places[0] * layout->value_counts[1] + places[1];
    return true;
}

static _Atomic uint64_t *find_series(const struct metrics *metrics, enum metric metric,
                                     const char *first, const char *second) {
    const struct metric_layout *layout = &metrics->layouts[metric];
    size_t series;
    if (!find_place(metrics, metric, first, second, &series)) return NULL;
    return &metrics->cells[layout->first_cell + series * layout->cells_per_series];
}

void metrics_set_trace_source(struct metrics *metrics, metrics_trace_source *source) {
    metrics->trace_source = source;
}

static void keep_exemplar(struct metrics *metrics, const _Atomic uint64_t *cell, double value) {
    char trace_id[EXEMPLAR_TRACE_SIZE];
    if (metrics->trace_source != NULL && metrics->trace_source(trace_id))
        exemplars_keep(&metrics->exemplars, (size_t)(cell - metrics->cells), trace_id, value);
}

static void keep_recent(struct recent_ring *ring, double value) {
    union {
        double number;
        uint64_t bits;
    } told = {.number = value};
    size_t place = atomic_fetch_add_explicit(&ring->count, 1, memory_order_relaxed);
    atomic_store_explicit(&ring->values[place % METRICS_RECENT], told.bits, memory_order_relaxed);
}

static void add_double(_Atomic uint64_t *cell, double amount) {
    union {
        uint64_t bits;
        double number;
    } next;
    uint64_t seen = atomic_load_explicit(cell, memory_order_relaxed);
    do {
        next.bits = seen;
        next.number += amount;
    } while (!atomic_compare_exchange_weak_explicit(cell, &seen, next.bits, memory_order_relaxed,
                                                    memory_order_relaxed));
}

void metrics_add(struct metrics *metrics, enum metric metric, const char *first, const char *second,
                 double amount) {
    enum metric_kind kind = metric_descriptions[metric].kind;
    assert(kind == METRIC_KIND_GAUGE || (kind == METRIC_KIND_COUNTER && amount >= 0));
    _Atomic uint64_t *cell = find_series(metrics, metric, first, second);
    if (cell == NULL || amount == 0) return;
    add_double(cell, amount);
    if (kind == METRIC_KIND_COUNTER) keep_exemplar(metrics, cell, amount);
}

void metrics_set(struct metrics *metrics, enum metric metric, const char *first, const char *second,
                 double value) {
    assert(metric_descriptions[metric].kind == METRIC_KIND_GAUGE ||
           metric_descriptions[metric].kind == METRIC_KIND_COUNTER);
    _Atomic uint64_t *cell = find_series(metrics, metric, first, second);
    union {
        double number;
        uint64_t bits;
    } next = {.number = value};
    if (cell != NULL) atomic_store_explicit(cell, next.bits, memory_order_relaxed);
}

void metrics_observe(struct metrics *metrics, enum metric metric, const char *first,
                     const char *second, double value) {
    const struct metric_description *description = &metric_descriptions[metric];
    assert(description->kind == METRIC_KIND_HISTOGRAM);
    const struct metric_layout *layout = &metrics->layouts[metric];
    size_t series, bucket = 0;
    // One NaN would spoil the sum for ever.
    if (!isfinite(value) || !find_place(metrics, metric, first, second, &series)) return;
    _Atomic uint64_t *cell =
        &metrics->cells[layout->first_cell + series * layout->cells_per_series];
    while (bucket < description->bucket_count && value > description->buckets[bucket]) bucket++;
    atomic_fetch_add_explicit(&cell[bucket], 1, memory_order_relaxed);
    add_double(&cell[description->bucket_count + 1], value);
    keep_recent(&metrics->rings[layout->first_ring + series], value);
    keep_exemplar(metrics, &cell[bucket], value);
}

size_t metrics_recent(const struct metrics *metrics, enum metric metric, const char *first,
                      const char *second, double values[static METRICS_RECENT]) {
    assert(metric_descriptions[metric].kind == METRIC_KIND_HISTOGRAM);
    size_t series;
    if (!find_place(metrics, metric, first, second, &series)) return 0;
    const struct recent_ring *ring = &metrics->rings[metrics->layouts[metric].first_ring + series];
    size_t count = atomic_load_explicit(&ring->count, memory_order_relaxed);
    if (count > METRICS_RECENT) count = METRICS_RECENT;
    for (size_t i = 0; i < count; i++) values[i] = metric_cell_double(&ring->values[i]);
    return count;
}

double metrics_value(const struct metrics *metrics, enum metric metric, const char *first,
                     const char *second) {
    const struct metric_description *description = &metric_descriptions[metric];
    const _Atomic uint64_t *cell = find_series(metrics, metric, first, second);
    if (cell == NULL) return 0;
    if (description->kind != METRIC_KIND_HISTOGRAM) return metric_cell_double(cell);
    uint64_t count = 0;
    for (size_t i = 0; i <= description->bucket_count; i++)
        count += atomic_load_explicit(&cell[i], memory_order_relaxed);
    return (double)count;
}

bool metrics_label_value(const struct metrics *metrics, enum metric metric, size_t label,
                         size_t index, char text[static METRICS_LABEL_SIZE]) {
    const struct metric_layout *layout = &metrics->layouts[metric];
    if (index >= layout->value_counts[label]) return false;
    const struct label_value *value = &layout->values[label][index];
    (void)snprintf(text, METRICS_LABEL_SIZE, "%.*s", (int)value->size, value->text);
    return true;
}

// Cuts before the character that would not fit: bytes 10xxxxxx continue one.
static void copy_cut(char *to, const char *from) {
    size_t size = strlen(from);
    if (size >= METRICS_INFO_SIZE) {
        size = METRICS_INFO_SIZE - 1;
        while (size > 0 && ((unsigned char)from[size] & 0xc0) == 0x80) size--;
    }
    memcpy(to, from, size);
    to[size] = '\0';
}

void metrics_set_info(struct metrics *metrics, enum metric metric, const char *first,
                      const char *second) {
    assert(metric_descriptions[metric].kind == METRIC_KIND_INFO);
    pthread_mutex_lock(&metrics->info_mutex);
    copy_cut(metrics->info[metric][0], first == NULL ? "" : first);
    copy_cut(metrics->info[metric][1], second == NULL ? "" : second);
    metrics->has_info[metric] = true;
    pthread_mutex_unlock(&metrics->info_mutex);
}
