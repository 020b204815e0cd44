// How a span lies in memory, for trace.c (filling), trace_exporter.c (queueing) and otlp_json.c
// (writing).
#pragma once

#include <stddef.h>

#include "observe/trace.h"
#include "observe/tracer.h"

enum {
    SPAN_NAME_SIZE = 128,
    SPAN_ATTRIBUTES_MAX = 24,  // a request of an odd client has the most, about 20
    SPAN_TEXT_BYTES = 1024,    // of all texts of a span together
    SPAN_TEXT_MAX = 256,       // of one
};

enum attribute_type { ATTRIBUTE_TEXT, ATTRIBUTE_INTEGER, ATTRIBUTE_NUMBER, ATTRIBUTE_FLAG };

struct span_attribute {
    const char *key;
    enum attribute_type type;
    union {
        const char *text;  // within the span
        int64_t integer;
        double number;
        bool flag;
    } value;
};

struct span {
    // Current before it, the parent while both are open; of a free span the next one.
    struct span *former;
    struct trace_context context;
    uint8_t parent_id[SPAN_ID_BYTES];
    bool has_parent;
    bool is_parent_remote;
    bool is_failed;
    enum span_kind kind;
    int64_t unix_offset_ns;        // from the monotonic clock; the same in all spans of a request
    int64_t started_ns, ended_ns;  // monotonic
    const char *state;             // of the request's span, which has it in own_state
    char name[SPAN_NAME_SIZE];
    size_t attribute_count, text_bytes;
    struct span_attribute attributes[SPAN_ATTRIBUTES_MAX];
    char texts[SPAN_TEXT_BYTES];
    char own_state[TRACE_STATE_SIZE];
};

struct trace_exporter;

// The thread begins at once. Errors: ERROR_INTERNAL.
struct trace_exporter *trace_exporter_create(const struct tracer_options *options,
                                             struct error *err);
// A span to fill, its content left over from another; NULL, and counted as dropped, when memory is
// out or far more are open than any load explains. Spans are kept and used again: what the exporter
// frees on its thread, all others would find scattered over their heap when they allocate, which
// cost a search more than tracing itself (docs/speed-log.md).
struct span *trace_exporter_take(struct trace_exporter *exporter);
// Gives it back without sending it.
void trace_exporter_return(struct trace_exporter *exporter, struct span *span);
// Takes the span over; it is dropped where the queue is full. Any thread; never waits for a
// collector.
void trace_exporter_push(struct trace_exporter *exporter, struct span *span);
// Sends what waits, for flush_ms at most. No more pushes may come.
void trace_exporter_destroy(struct trace_exporter *exporter, int64_t flush_ms);
