// Spans: what a request did, when, and as a part of what. One tracer a process (tracer.h starts
// it); while there is none, and in requests that are not sampled, each call is one branch.
//
// Every thread has a current span, which new ones are children of. A request's span is made on one
// thread and handed to others with trace_switch, as is a span whose work goes on on another thread;
// it must outlive that work. A span belongs to the thread that began it until it is ended, then to
// the exporter. All functions take NULL for a span and do nothing then.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "observe/trace_context.h"

struct span;

enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };  // OTLP's numbers

bool trace_is_on(void);

// Where a request came from; zeros: nobody told.
struct trace_origin {
    bool has_parent;
    struct trace_context parent;
    char state[TRACE_STATE_SIZE];  // to be told on
};

// The span of a whole request, begun at this moment of the monotonic clock; the sampler decides
// whether it and its children are recorded. Not current until trace_switch makes it so. NULL while
// tracing is off, and when memory is out.
struct span *trace_begin_request(const char *name, int64_t started_ns,
                                 const struct trace_origin *origin);
// Makes a span current on this thread, NULL none; returns the one that was.
struct span *trace_switch(struct span *span);
struct span *trace_current(void);

// A child of the current span, which becomes current; NULL when there is none that is recorded.
// Names, and keys below, are literals or copied as stated: `name` is copied, keys are borrowed.
struct span *span_begin(const char *name, enum span_kind kind);
// Ends and hands over; its parent is current again.
void span_end(struct span *span);
// The same for work that is over, by the monotonic clock.
struct span *span_begin_at(const char *name, enum span_kind kind, int64_t started_ns);
void span_end_at(struct span *span, int64_t ended_ns);

// Whether attributes are kept: what is dear to find out need not be found out otherwise.
bool span_is_recorded(const struct span *span);
void span_set_name(struct span *span, const char *name);
// A key is set once. Texts are copied, long ones cut; those that are NULL are left out.
void span_set_text(struct span *span, const char *key, const char *text);
void span_set_integer(struct span *span, const char *key, int64_t value);
void span_set_number(struct span *span, const char *key, double value);
void span_set_flag(struct span *span, const char *key, bool value);
// The span failed: its status, and the attribute error.type from a closed set of names.
void span_set_error(struct span *span, const char *type);

// The trace of what this thread does, for exemplars and log lines; false: it is in none that is
// recorded.
bool trace_current_id(char text[static TRACE_ID_TEXT_SIZE]);
// traceparent to send on with a request to another server, and tracestate ("": none); false: the
// thread is in no trace. The state is borrowed from the current span.
bool trace_current_parent(char traceparent[static TRACE_PARENT_SIZE], const char **tracestate);
