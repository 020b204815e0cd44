#include "observe/metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "observe/metrics_private.h"
#include "observe/process_metrics.h"

enum {
    TEXT_MAX = 8 * 1024 * 1024,  // the whole table takes about 60 KiB
    NUMBER_SIZE = 32,
};

// The shortest decimal that reads back as the same double.
static void number_text(double value, char text[static NUMBER_SIZE]) {
    if (isnan(value)) {
        (void)snprintf(text, NUMBER_SIZE, "NaN");
    } else if (isinf(value)) {
        (void)snprintf(text, NUMBER_SIZE, value > 0 ? "+Inf" : "-Inf");
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
            if (strtod(text, NULL) == value) return;
        }
    }
}

// Backslash, line end and, within quotes, the quote are escaped; nothing else is.
static void append_escaped(struct byte_buffer *text, const char *value, size_t size,
                           bool is_quoted) {
    for (size_t i = 0; i < size; i++) {
        if (value[i] == '\n')
            byte_buffer_append_text(text, "\\n");
        else if (value[i] == '\\' || (is_quoted && value[i] == '"'))
            byte_buffer_append_format(text, "\\%c", value[i]);
        else
            byte_buffer_append(text, &value[i], 1);
    }
}

void metrics_text_append_head(struct byte_buffer *text, const char *name, const char *type,
                              const char *help) {
    byte_buffer_append_format(text, "# HELP %s ", name);
    append_escaped(text, help, strlen(help), false);
    byte_buffer_append_format(text, "\n# TYPE %s %s\n", name, type);
}

void metrics_text_append_number(struct byte_buffer *text, double value) {
    char number[NUMBER_SIZE];
    number_text(value, number);
    byte_buffer_append_format(text, " %s\n", number);
}

struct sample {
    const struct metric_description *description;
    struct label_value labels[METRIC_LABELS];
};

// `name<suffix>{labels,le="bound"}`; `bound` is NULL outside buckets.
static void append_sample_name(struct byte_buffer *text, const struct sample *sample,
                               const char *suffix, const double *bound) {
    byte_buffer_append_format(text, "%s%s", sample->description->name, suffix);
    const char *before = "{";
    for (size_t label = 0; label < METRIC_LABELS; label++) {
        const char *name = sample->description->label_names[label];
        if (name == NULL) continue;
        byte_buffer_append_format(text, "%s%s=\"", before, name);
        append_escaped(text, sample->labels[label].text, sample->labels[label].size, true);
        byte_buffer_append_text(text, "\"");
        before = ",";
    }
    if (bound != NULL) {
        char number[NUMBER_SIZE];
        number_text(*bound, number);
        byte_buffer_append_format(text, "%sle=\"%s\"", before, number);
        before = ",";
    }
    if (*before == ',') byte_buffer_append_text(text, "}");
}

static void append_histogram(struct byte_buffer *text, const struct sample *sample,
                             const _Atomic uint64_t *cells) {
    const struct metric_description *description = sample->description;
    uint64_t count = 0;
    for (size_t i = 0; i <= description->bucket_count; i++) {
        double bound = i < description->bucket_count ? description->buckets[i] : INFINITY;
        count += atomic_load_explicit(&cells[i], memory_order_relaxed);
        append_sample_name(text, sample, "_bucket", &bound);
        metrics_text_append_number(text, (double)count);
    }
    append_sample_name(text, sample, "_sum", NULL);
    metrics_text_append_number(text, metric_cell_double(&cells[description->bucket_count + 1]));
    append_sample_name(text, sample, "_count", NULL);
    metrics_text_append_number(text, (double)count);
}

static void append_info(struct byte_buffer *text, struct metrics *metrics, enum metric metric) {
    pthread_mutex_lock(&metrics->info_mutex);
    if (metrics->has_info[metric]) {
        struct sample sample = {.description = &metric_descriptions[metric]};
        for (size_t label = 0; label < METRIC_LABELS; label++) {
            const char *value = metrics->info[metric][label];
            sample.labels[label] = (struct label_value){value, strlen(value)};
        }
        append_sample_name(text, &sample, "", NULL);
        metrics_text_append_number(text, 1);
    }
    pthread_mutex_unlock(&metrics->info_mutex);
}

static void append_series(struct byte_buffer *text, const struct metrics *metrics,
                          enum metric metric) {
    const struct metric_layout *layout = &metrics->layouts[metric];
    const _Atomic uint64_t *cells = &metrics->cells[layout->first_cell];
    for (size_t first = 0; first < layout->value_counts[0]; first++) {
        for (size_t second = 0; second < layout->value_counts[1]; second++) {
            struct sample sample = {
                .description = &metric_descriptions[metric],
                .labels = {layout->values[0][first], layout->values[1][second]}};
            if (sample.description->kind == METRIC_KIND_HISTOGRAM) {
                append_histogram(text, &sample, cells);
            } else {
                append_sample_name(text, &sample, "", NULL);
                metrics_text_append_number(text, metric_cell_double(cells));
            }
            cells += layout->cells_per_series;
        }
    }
}

char *metrics_text_create(struct metrics *metrics, size_t *size) {
    static const char *const types[] = {[METRIC_KIND_COUNTER] = "counter",
                                        [METRIC_KIND_GAUGE] = "gauge",
                                        [METRIC_KIND_HISTOGRAM] = "histogram",
                                        [METRIC_KIND_INFO] = "gauge"};
    struct byte_buffer text;
    byte_buffer_init(&text, TEXT_MAX);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_description *description = &metric_descriptions[i];
        metrics_text_append_head(&text, description->name, types[description->kind],
                                 description->help);
        if (description->kind == METRIC_KIND_INFO)
            append_info(&text, metrics, (enum metric)i);
        else
            append_series(&text, metrics, (enum metric)i);
    }
    process_metrics_append(&text);
    return byte_buffer_take(&text, size);
}
