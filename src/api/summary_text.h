// The summary of GET /metrics/summary as lines for people, for text/plain and `imgrouter top`.
#pragma once

#include <jansson.h>
#include <stddef.h>

struct summary_view {
    const json_t *now;     // what the server answered; any JSON: what is missing shows as "-"
    const json_t *before;  // `seconds` earlier: how much a second came since; NULL: not shown
    double seconds;
};

// At most 24 lines of at most 80 characters, unless names are long; control characters of names are
// shown as "?". Caller frees with memory_free; NULL when memory is out.
char *summary_text_create(const struct summary_view *view, size_t *size);
