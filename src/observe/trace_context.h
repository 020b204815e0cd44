// W3C trace context: what a request says of the trace it is part of, and how that is told on.
//
// traceparent is VERSION-TRACE-PARENT-FLAGS in lower-case hex: "00-", 32 digits, "-", 16 digits,
// "-", 2 digits. Version ff is none, neither are ids of zeros; version 00 ends there, a later one
// may go on after another "-". Of the flags only bit 0 counts: the sender records its part.
// tracestate is a list of vendors' members, "name=value", told on as it came.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    TRACE_ID_BYTES = 16,
    SPAN_ID_BYTES = 8,
    TRACE_ID_TEXT_SIZE = 33,  // with NUL, as all that follow
    SPAN_ID_TEXT_SIZE = 17,
    TRACE_PARENT_SIZE = 56,
    TRACE_STATE_SIZE = 513,  // what everybody must tell on, and no more
    TRACE_STATE_MEMBERS = 32,
};

struct trace_context {
    uint8_t trace_id[TRACE_ID_BYTES];
    uint8_t span_id[SPAN_ID_BYTES];
    bool is_sampled;
};

// false: it is no traceparent; the trace begins here. *context is then unchanged.
bool trace_context_parse(const char *traceparent, struct trace_context *context);
void trace_context_write(const struct trace_context *context, char text[static TRACE_PARENT_SIZE]);

// Adds the members of a header to `state`, which holds those of earlier ones and begins empty.
// Members that do not fit are left out whole. false: a member is none, is there twice, or there
// are more than TRACE_STATE_MEMBERS; `state` is then empty, for what is not understood is not told
// on.
bool trace_state_add(char state[static TRACE_STATE_SIZE], const char *header);

void hex_write(const uint8_t *bytes, int count, char *text);  // [2 * count + 1]
