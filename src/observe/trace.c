#include "observe/trace.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "observe/trace_private.h"

static struct {
    atomic_bool is_on;
    struct trace_sampler sampler;
    struct trace_exporter *exporter;
} tracer;

static _Thread_local struct span *current;

bool tracer_start(const struct tracer_options *options, struct error *err) {
    tracer.sampler = options->sampler;
    tracer.exporter = trace_exporter_create(options, err);
    atomic_store(&tracer.is_on, tracer.exporter != NULL);
    return tracer.exporter != NULL;
}

void tracer_stop(int64_t flush_ms) {
    if (!atomic_exchange(&tracer.is_on, false)) return;
    trace_exporter_destroy(tracer.exporter, flush_ms);
    tracer.exporter = NULL;
}

bool trace_is_on(void) { return atomic_load_explicit(&tracer.is_on, memory_order_relaxed); }

// Ids of zeros are none. The kernel is asked for many at once.
static void draw_id(uint8_t *id, size_t size) {
    static _Thread_local uint8_t drawn[32 * TRACE_ID_BYTES];
    static _Thread_local size_t left;
    bool is_zero = true;
    while (is_zero) {
        if (left < size) {
            left = sizeof drawn;
            if (getrandom(drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn) left = 0;
        }
        if (left == 0) {  // cannot happen since Linux 3.17; an id is better than none
            int64_t now = clock_monotonic_ns();
            memcpy(drawn, &now, sizeof now);
            left = sizeof drawn;
        }
        memcpy(id, drawn + sizeof drawn - left, size);
        left -= size;
        for (size_t i = 0; i < size; i++) is_zero = is_zero && id[i] == 0;
    }
}

static struct span *span_create(const char *name, enum span_kind kind, int64_t started_ns,
                                const char *state) {
    struct span *span = trace_exporter_take(tracer.exporter);
    if (span == NULL) return NULL;
    // The arrays, most of it, are filled as they are used.
    memset(span, 0, offsetof(struct span, attributes));
    memcpy(span->own_state, state, strlen(state) + 1);
    span->state = span->own_state;
    span->kind = kind;
    span->started_ns = started_ns;
    draw_id(span->context.span_id, SPAN_ID_BYTES);
    span_set_name(span, name);
    return span;
}

struct span *trace_begin_request(const char *name, int64_t started_ns,
                                 const struct trace_origin *origin) {
    if (!trace_is_on()) return NULL;
    struct span *span = span_create(name, SPAN_SERVER, started_ns, origin->state);
    if (span == NULL) return NULL;
    span->unix_offset_ns = clock_utc_ns() - clock_monotonic_ns();
    if (origin->has_parent) {
        memcpy(span->context.trace_id, origin->parent.trace_id, TRACE_ID_BYTES);
        memcpy(span->parent_id, origin->parent.span_id, SPAN_ID_BYTES);
        span->has_parent = span->is_parent_remote = true;
    } else {
        draw_id(span->context.trace_id, TRACE_ID_BYTES);
    }
    span->context.is_sampled = trace_sampler_takes(
        &tracer.sampler, origin->has_parent ? &origin->parent : NULL, span->context.trace_id);
    return span;
}

struct span *trace_switch(struct span *span) {
    struct span *former = current;
    current = span;
    return former;
}

struct span *trace_current(void) {
    return current;
}

struct span *span_begin_at(const char *name, enum span_kind kind, int64_t started_ns) {
    struct span *parent = current;
    if (parent == NULL || !parent->context.is_sampled) return NULL;
    struct span *span = span_create(name, kind, started_ns, "");
    if (span == NULL) return NULL;
    memcpy(span->context.trace_id, parent->context.trace_id, TRACE_ID_BYTES);
    memcpy(span->parent_id, parent->context.span_id, SPAN_ID_BYTES);
    span->context.is_sampled = span->has_parent = true;
    span->unix_offset_ns = parent->unix_offset_ns;
    span->state = parent->state;
    span->former = parent;
    current = span;
    return span;
}

struct span *span_begin(const char *name, enum span_kind kind) {
    return current == NULL ? NULL : span_begin_at(name, kind, clock_monotonic_ns());
}

void span_end_at(struct span *span, int64_t ended_ns) {
    if (span == NULL) return;
    if (current == span) current = span->former;
    // A parent's state is gone when the span is written.
    if (span->state != span->own_state) span->state = "";
    span->former = NULL;
    span->ended_ns = ended_ns > span->started_ns ? ended_ns : span->started_ns;
    if (span->context.is_sampled)
        trace_exporter_push(tracer.exporter, span);
    else
        trace_exporter_return(tracer.exporter, span);
}

void span_end(struct span *span) {
    if (span != NULL) span_end_at(span, clock_monotonic_ns());
}

bool span_is_recorded(const struct span *span) { return span != NULL && span->context.is_sampled; }

void span_set_name(struct span *span, const char *name) {
    if (span == NULL) return;
    size_t size = strnlen(name, sizeof span->name - 1);
    memcpy(span->name, name, size);
    span->name[size] = '\0';
}

// NULL when there is no room.
static struct span_attribute *attribute_place(struct span *span, const char *key,
                                              enum attribute_type type) {
    if (!span_is_recorded(span)) return NULL;
    if (span->attribute_count == SPAN_ATTRIBUTES_MAX) return NULL;
    struct span_attribute *attribute = &span->attributes[span->attribute_count++];
    attribute->key = key;
    attribute->type = type;
    return attribute;
}

void span_set_text(struct span *span, const char *key, const char *text) {
    if (text == NULL) return;
    struct span_attribute *attribute = attribute_place(span, key, ATTRIBUTE_TEXT);
    if (attribute == NULL) return;
    size_t room = SPAN_TEXT_BYTES - span->text_bytes;
    if (room > SPAN_TEXT_MAX) room = SPAN_TEXT_MAX;
    size_t size = strnlen(text, room);
    attribute->value.text = "";
    if (room == 0) return;
    if (size == room) {  // cut: not within a character
        size--;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) size--;
    }
    char *copy = span->texts + span->text_bytes;
    memcpy(copy, text, size);
    copy[size] = '\0';
    span->text_bytes += size + 1;
    attribute->value.text = copy;
}

void span_set_integer(struct span *span, const char *key, int64_t value) {
    struct span_attribute *attribute = attribute_place(span, key, ATTRIBUTE_INTEGER);
    if (attribute != NULL) attribute->value.integer = value;
}

void span_set_number(struct span *span, const char *key, double value) {
    if (!isfinite(value)) return;
    struct span_attribute *attribute = attribute_place(span, key, ATTRIBUTE_NUMBER);
    if (attribute != NULL) attribute->value.number = value;
}

void span_set_flag(struct span *span, const char *key, bool value) {
    struct span_attribute *attribute = attribute_place(span, key, ATTRIBUTE_FLAG);
    if (attribute != NULL) attribute->value.flag = value;
}

void span_set_error(struct span *span, const char *type) {
    if (span == NULL) return;
    span->is_failed = true;
    span_set_text(span, "error.type", type);
}

bool trace_current_id(char text[static TRACE_ID_TEXT_SIZE]) {
    if (!span_is_recorded(current)) return false;
    hex_write(current->context.trace_id, TRACE_ID_BYTES, text);
    return true;
}

bool trace_current_parent(char traceparent[static TRACE_PARENT_SIZE], const char **tracestate) {
    if (current == NULL) return false;
    trace_context_write(&current->context, traceparent);
    *tracestate = current->state;
    return true;
}
