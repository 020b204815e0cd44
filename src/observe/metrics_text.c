#include "observe/metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "observe/metrics_private.h"
#include "observe/process_metrics.h"

enum {
    TEXT_MAX = 8 * 1024 * 1024,  // the whole table takes about 90 KiB
    NUMBER_SIZE = 32,
};

static bool is_whole(double value) { return fabs(value) < 1e15 && value == trunc(value); }

// The shortest decimal that reads back as the same double. Most are whole: no printf for these.
static size_t number_text(double value, char text[static NUMBER_SIZE]) {
    if (isnan(value)) return (size_t)snprintf(text, NUMBER_SIZE, "NaN");
    if (isinf(value)) return (size_t)snprintf(text, NUMBER_SIZE, value > 0 ? "+Inf" : "-Inf");
    if (value >= 0 && is_whole(value)) {
        char digits[NUMBER_SIZE];
        size_t count = 0;
        uint64_t left = (uint64_t)value;
        do digits[count++] = (char)('0' + left % 10);
        while ((left /= 10) > 0);
        for (size_t i = 0; i < count; i++) text[i] = digits[count - 1 - i];
        text[count] = '\0';
        return count;
    }
    int size = 0;
    for (int precision = 15; precision <= 17; precision++) {
        size = snprintf(text, NUMBER_SIZE, "%.*g", precision, value);
        if (strtod(text, NULL) == value) break;
    }
    return (size_t)size;
}

static void append(struct metrics_text *text, const char *piece) {
    (void)byte_buffer_append(&text->bytes, piece, strlen(piece));
}

// Backslash, line end and the quote are escaped; in HELP of 0.0.4 the quote is not.
static void append_escaped(struct metrics_text *text, const char *value, size_t size,
                           bool is_quoted) {
    const char *special = is_quoted || text->format == METRICS_OPENMETRICS ? "\n\\\"" : "\n\\";
    size_t done = 0;
    for (size_t i = 0; i < size; i++) {
        if (strchr(special, value[i]) == NULL || value[i] == '\0') continue;
        (void)byte_buffer_append(&text->bytes, value + done, i - done);
        append(text, value[i] == '\n' ? "\\n" : value[i] == '"' ? "\\\"" : "\\\\");
        done = i + 1;
    }
    (void)byte_buffer_append(&text->bytes, value + done, size - done);
}

void metrics_text_append_head(struct metrics_text *text, const char *name, const char *type,
                              const char *help) {
    // In OpenMetrics a counter's family is named without what its samples end in.
    size_t size = strlen(name);
    if (text->format == METRICS_OPENMETRICS && strcmp(type, "counter") == 0)
        size -= strlen("_total");
    append(text, "# HELP ");
    (void)byte_buffer_append(&text->bytes, name, size);
    append(text, " ");
    append_escaped(text, help, strlen(help), false);
    append(text, "\n# TYPE ");
    (void)byte_buffer_append(&text->bytes, name, size);
    append(text, " ");
    append(text, type);
    append(text, "\n");
}

void metrics_text_append_number(struct metrics_text *text, double value) {
    char number[NUMBER_SIZE];
    size_t size = number_text(value, number);
    append(text, " ");
    (void)byte_buffer_append(&text->bytes, number, size);
}

struct sample {
    const struct metric_description *description;
    struct label_value labels[METRIC_LABELS];
};

// OpenMetrics wants bounds as floats ("1.0"), 0.0.4 as they are ("1").
static void append_bound(struct metrics_text *text, const char *before, double bound) {
    char number[NUMBER_SIZE];
    (void)number_text(bound, number);
    append(text, before);
    append(text, "le=\"");
    append(text, number);
    if (text->format == METRICS_OPENMETRICS && is_whole(bound)) append(text, ".0");
    append(text, "\"");
}

// `name<suffix>{labels,le="bound"}`; `bound` is NULL outside buckets.
static void append_sample_name(struct metrics_text *text, const struct sample *sample,
                               const char *suffix, const double *bound) {
    append(text, sample->description->name);
    append(text, suffix);
    const char *before = "{";
    for (size_t label = 0; label < METRIC_LABELS; label++) {
        const char *name = sample->description->label_names[label];
        if (name == NULL) continue;
        append(text, before);
        append(text, name);
        append(text, "=\"");
        append_escaped(text, sample->labels[label].text, sample->labels[label].size, true);
        append(text, "\"");
        before = ",";
    }
    if (bound != NULL) {
        append_bound(text, before, *bound);
        before = ",";
    }
    if (*before == ',') append(text, "}");
}

// The exemplar of the cell, if it has one, and the line end.
static void end_with_exemplar(struct metrics_text *text, const struct metrics *metrics,
                              const _Atomic uint64_t *cell) {
    const struct exemplar *exemplar = &metrics->exemplars.slots[cell - metrics->cells];
    if (text->format == METRICS_OPENMETRICS && exemplar->trace_id[0] != '\0') {
        append(text, " # {trace_id=\"");
        append(text, exemplar->trace_id);
        append(text, "\"}");
        metrics_text_append_number(text, exemplar->value);
        (void)byte_buffer_append_format(&text->bytes, " %lld.%03d",
                                        (long long)(exemplar->time_ms / 1000),
                                        (int)(exemplar->time_ms % 1000));
    }
    append(text, "\n");
}

static void append_histogram(struct metrics_text *text, const struct metrics *metrics,
                             const struct sample *sample, const _Atomic uint64_t *cells) {
    const struct metric_description *description = sample->description;
    uint64_t count = 0;
    for (size_t i = 0; i <= description->bucket_count; i++) {
        double bound = i < description->bucket_count ? description->buckets[i] : INFINITY;
        count += atomic_load_explicit(&cells[i], memory_order_relaxed);
        append_sample_name(text, sample, "_bucket", &bound);
        metrics_text_append_number(text, (double)count);
        end_with_exemplar(text, metrics, &cells[i]);
    }
    append_sample_name(text, sample, "_sum", NULL);
    metrics_text_append_number(text, metric_cell_double(&cells[description->bucket_count + 1]));
    append(text, "\n");
    append_sample_name(text, sample, "_count", NULL);
    metrics_text_append_number(text, (double)count);
    append(text, "\n");
}

static void append_info(struct metrics_text *text, struct metrics *metrics, enum metric metric) {
    pthread_mutex_lock(&metrics->info_mutex);
    if (metrics->has_info[metric]) {
        struct sample sample = {.description = &metric_descriptions[metric]};
        for (size_t label = 0; label < METRIC_LABELS; label++) {
            const char *value = metrics->info[metric][label];
            sample.labels[label] = (struct label_value){value, strlen(value)};
        }
        append_sample_name(text, &sample, "", NULL);
        metrics_text_append_number(text, 1);
        append(text, "\n");
    }
    pthread_mutex_unlock(&metrics->info_mutex);
}

static void append_series(struct metrics_text *text, const struct metrics *metrics,
                          enum metric metric) {
    const struct metric_layout *layout = &metrics->layouts[metric];
    const _Atomic uint64_t *cells = &metrics->cells[layout->first_cell];
    for (size_t first = 0; first < layout->value_counts[0]; first++) {
        for (size_t second = 0; second < layout->value_counts[1]; second++) {
            struct sample sample = {
                .description = &metric_descriptions[metric],
                .labels = {layout->values[0][first], layout->values[1][second]}};
            if (sample.description->kind == METRIC_KIND_HISTOGRAM) {
                append_histogram(text, metrics, &sample, cells);
            } else {
                append_sample_name(text, &sample, "", NULL);
                metrics_text_append_number(text, metric_cell_double(cells));
                end_with_exemplar(text, metrics, cells);
            }
            cells += layout->cells_per_series;
        }
    }
}

char *metrics_text_create(struct metrics *metrics, enum metrics_format format, size_t *size) {
    static const char *const types[] = {[METRIC_KIND_COUNTER] = "counter",
                                        [METRIC_KIND_GAUGE] = "gauge",
                                        [METRIC_KIND_HISTOGRAM] = "histogram",
                                        [METRIC_KIND_INFO] = "gauge"};
    struct metrics_text text = {.format = format};
    byte_buffer_init(&text.bytes, TEXT_MAX);
    exemplars_lock(&metrics->exemplars);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_description *description = &metric_descriptions[i];
        metrics_text_append_head(&text, description->name, types[description->kind],
                                 description->help);
        if (description->kind == METRIC_KIND_INFO)
            append_info(&text, metrics, (enum metric)i);
        else
            append_series(&text, metrics, (enum metric)i);
    }
    exemplars_unlock(&metrics->exemplars);
    process_metrics_append(&text);
    if (format == METRICS_OPENMETRICS) append(&text, "# EOF\n");
    return byte_buffer_take(&text.bytes, size);
}
