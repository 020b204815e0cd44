#include "api/summary_text.h"

#include <stdio.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/memory.h"

enum { TEXT_MAX = 256 * 1024, CELL_SIZE = 32, SHOWN_MAX = 200, ROW_NAME_WIDTH = 14 };

// A member of a member, NULL where there is none; an empty name ends the path.
static const json_t *at(const json_t *json, const char *first, const char *second,
                        const char *third) {
    const char *const path[] = {first, second, third};
    for (size_t i = 0; i < 3 && path[i] != NULL; i++) json = json_object_get(json, path[i]);
    return json;
}

// Control characters are orders to a terminal, also those that UTF-8 writes as C2 80 to C2 9F.
static void append_safely(struct byte_buffer *text, const char *name) {
    for (size_t i = 0; name[i] != '\0' && i < SHOWN_MAX; i++) {
        unsigned char c = (unsigned char)name[i], next = (unsigned char)name[i + 1];
        bool is_long = c == 0xc2 && next >= 0x80 && next < 0xa0;
        bool is_control = c < ' ' || c == 0x7f || is_long;
        (void)byte_buffer_append(text, is_control ? "?" : &name[i], 1);
        if (is_long) i++;
    }
}

static void append_name(struct byte_buffer *text, const json_t *json) {
    append_safely(text, json_is_string(json) ? json_string_value(json) : "-");
}

static void append_row_name(struct byte_buffer *text, const char *name) {
    (void)byte_buffer_append_text(text, "  ");
    append_safely(text, name);
    for (size_t size = strlen(name); size < ROW_NAME_WIDTH; size++)
        (void)byte_buffer_append_text(text, " ");
}

static double number(const json_t *json) { return json_number_value(json); }

static void append_count(struct byte_buffer *text, const char *name, const json_t *json) {
    if (json_is_number(json))
        (void)byte_buffer_append_format(text, "  %s %.0f", name, number(json));
    else
        (void)byte_buffer_append_format(text, "  %s -", name);
}

// "12.3", how much a second came since the view before; empty where that is not known.
static void rate_text(const struct summary_view *view, const char *first, const char *second,
                      const char *third, char text[static CELL_SIZE]) {
    const json_t *now = at(view->now, first, second, third);
    const json_t *before = at(view->before, first, second, third);
    text[0] = '\0';
    // Less than before: the server has been started anew.
    if (view->seconds > 0 && json_is_number(now) && json_is_number(before) &&
        number(now) >= number(before))
        (void)snprintf(text, CELL_SIZE, "%.1f", (number(now) - number(before)) / view->seconds);
}

static void duration_text(const json_t *json, char text[static CELL_SIZE]) {
    double seconds = number(json);
    if (!json_is_number(json))
        (void)snprintf(text, CELL_SIZE, "-");
    else if (seconds < 0.001)
        (void)snprintf(text, CELL_SIZE, "%.0f us", seconds * 1e6);
    else if (seconds < 1)
        (void)snprintf(text, CELL_SIZE, "%.*f ms", seconds < 0.01 ? 2 : 0, seconds * 1000);
    else
        (void)snprintf(text, CELL_SIZE, "%.2f s", seconds);
}

static void append_head(struct byte_buffer *text, const json_t *now) {
    double uptime_s = number(at(now, "uptime_s", NULL, NULL));
    (void)byte_buffer_append_text(text, "imgrouter ");
    append_name(text, at(now, "version", NULL, NULL));
    if (uptime_s < 60)
        (void)byte_buffer_append_format(text, "  up %.0f s", uptime_s);
    else if (uptime_s < 3600)
        (void)byte_buffer_append_format(text, "  up %.0f min", uptime_s / 60);
    else
        (void)byte_buffer_append_format(text, "  up %.1f h", uptime_s / 3600);
    (void)byte_buffer_append_text(
        text, json_is_true(at(now, "is_ready", NULL, NULL)) ? "  ready  " : "  NOT READY  ");
    append_name(text, at(now, "precision", NULL, NULL));
    (void)byte_buffer_append_text(text, "  ");
    append_name(text, at(now, "kernel_tier", NULL, NULL));
    (void)byte_buffer_append_text(text, "\n");
    append_name(text, at(now, "models", "caption", "name"));
    (void)byte_buffer_append_text(text, ", ");
    append_name(text, at(now, "models", "embedding", "name"));
    (void)byte_buffer_append_text(text, "\n");
}

static void append_requests(struct byte_buffer *text, const struct summary_view *view) {
    (void)byte_buffer_append_format(text, "%-16s %9s %8s %9s %9s\n", "requests", "answered",
                                    view->before == NULL ? "" : "per s", "refused", "failed");
    const char *group;
    json_t *counts;
    json_object_foreach((json_t *)at(view->now, "requests", NULL, NULL), group, counts) {
        char rate[CELL_SIZE];
        rate_text(view, "requests", group, "answered", rate);
        append_row_name(text, group);
        (void)byte_buffer_append_format(
            text, " %9.0f %8s %9.0f %9.0f\n", number(json_object_get(counts, "answered")), rate,
            number(json_object_get(counts, "refused")), number(json_object_get(counts, "failed")));
    }
}

static void append_captions(struct byte_buffer *text, const json_t *now) {
    (void)byte_buffer_append_text(text, "captions");
    append_count(text, "local", at(now, "captions", "local", NULL));
    append_count(text, "cloud", at(now, "captions", "cloud", NULL));
    const char *reason, *before = "  (";
    json_t *count;
    json_object_foreach((json_t *)at(now, "captions", "reasons", NULL), reason, count) {
        if (number(count) == 0) continue;
        (void)byte_buffer_append_text(text, before);
        append_safely(text, reason);
        (void)byte_buffer_append_format(text, " %.0f", number(count));
        before = ", ";
    }
    (void)byte_buffer_append_text(text, *before == ',' ? ")\n" : "\n");
}

static void append_queue(struct byte_buffer *text, const json_t *now) {
    (void)byte_buffer_append_format(
        text, "queue     models %.0f of %.0f  requests waiting %.0f, active %.0f",
        number(at(now, "queue", "depth", NULL)), number(at(now, "queue", "capacity", NULL)),
        number(at(now, "queue", "requests_waiting", NULL)),
        number(at(now, "queue", "requests_active", NULL)));
    const json_t *batch = at(now, "queue", "batch_size", NULL);
    if (json_is_number(batch))
        (void)byte_buffer_append_format(text, "  batches of %.1f", number(batch));
    (void)byte_buffer_append_text(text, "\n");
}

static void append_store(struct byte_buffer *text, const json_t *now) {
    (void)byte_buffer_append_text(text, "store     ");
    append_name(text, at(now, "store", "name", NULL));
    (void)byte_buffer_append_text(text,
                                  json_is_true(at(now, "store", "is_up", NULL)) ? " up" : " DOWN");
    append_count(text, "images", at(now, "store", "images", NULL));
    double most = number(at(now, "store", "connections_max", NULL));
    if (most > 0)
        (void)byte_buffer_append_format(text, "  connections %.0f of %.0f",
                                        number(at(now, "store", "connections_in_use", NULL)), most);
    double bytes = number(at(now, "store", "index_bytes", NULL));
    if (bytes > 0) (void)byte_buffer_append_format(text, "  index %.1f MB", bytes / 1e6);
    (void)byte_buffer_append_text(text, "\n");
}

static void append_cloud(struct byte_buffer *text, const json_t *now) {
    const json_t *cost = at(now, "cost", NULL, NULL);
    if (!json_is_object(cost)) return;
    (void)byte_buffer_append_format(text, "cloud     $%.4f of $%.2f today",
                                    number(json_object_get(cost, "today_usd")),
                                    number(json_object_get(cost, "budget_usd")));
    size_t i;
    json_t *provider;
    json_array_foreach((json_t *)at(now, "cloud", NULL, NULL), i, provider) {
        (void)byte_buffer_append_text(text, i == 0 ? "  " : ", ");
        append_name(text, json_object_get(provider, "name"));
        (void)byte_buffer_append_text(text, " ");
        append_name(text, json_object_get(provider, "breaker"));
    }
    (void)byte_buffer_append_text(text, "\n");
}

static void append_stages(struct byte_buffer *text, const struct summary_view *view) {
    (void)byte_buffer_append_format(text, "%-16s %9s %8s %9s %9s %9s  of last 512\n", "stages",
                                    "count", view->before == NULL ? "" : "per s", "p50", "p95",
                                    "p99");
    const char *stage;
    json_t *figures;
    json_object_foreach((json_t *)at(view->now, "stages", NULL, NULL), stage, figures) {
        char rate[CELL_SIZE], p50[CELL_SIZE], p95[CELL_SIZE], p99[CELL_SIZE];
        rate_text(view, "stages", stage, "count", rate);
        duration_text(json_object_get(figures, "p50_s"), p50);
        duration_text(json_object_get(figures, "p95_s"), p95);
        duration_text(json_object_get(figures, "p99_s"), p99);
        append_row_name(text, stage);
        (void)byte_buffer_append_format(text, " %9.0f %8s %9s %9s %9s\n",
                                        number(json_object_get(figures, "count")), rate, p50, p95,
                                        p99);
    }
}

char *summary_text_create(const struct summary_view *view, size_t *size) {
    struct byte_buffer text;
    byte_buffer_init(&text, TEXT_MAX);
    append_head(&text, view->now);
    append_requests(&text, view);
    (void)byte_buffer_append_text(&text, "uploads ");
    static const char *const results[] = {"new", "known", "refused", "failed"};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        append_count(&text, results[i], at(view->now, "uploads", results[i], NULL));
    (void)byte_buffer_append_text(&text, "\n");
    append_captions(&text, view->now);
    append_queue(&text, view->now);
    append_store(&text, view->now);
    append_cloud(&text, view->now);
    append_stages(&text, view);
    return byte_buffer_take(&text, size);
}
