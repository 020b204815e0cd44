// The lists of OpenTelemetry's variables: "name=value,name=value", values percent-encoded.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { TRACE_LIST_MAX = 24 };  // members; tracer_options has room for these and our own

struct trace_list {
    char *storage;  // what the pointers lead into
    const char *names[TRACE_LIST_MAX];
    const char *values[TRACE_LIST_MAX];
    size_t count;
};

// false: it is no such list; *list is empty then. NULL and "" are empty lists. trace_list_clear.
bool trace_list_parse(struct trace_list *list, const char *text);
void trace_list_clear(struct trace_list *list);
