// Lines of bytes: the first a traceparent, the others tracestates. What is taken is told on in the
// standard's form, and read again means the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "observe/trace_context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right) {
    if (!is_right) abort();
}

static void check_parent(const char *line) {
    struct trace_context first, again;
    char text[TRACE_PARENT_SIZE];
    if (!trace_context_parse(line, &first)) return;
    trace_context_write(&first, text);
    check(strlen(text) == TRACE_PARENT_SIZE - 1);
    check(memcmp(text + 2, line + 2, TRACE_PARENT_SIZE - 5) == 0);
    check(trace_context_parse(text, &again));
    check(memcmp(&first, &again, sizeof first) == 0);
}

static void check_state(const char *state) {
    char again[TRACE_STATE_SIZE] = "";
    check(strlen(state) < TRACE_STATE_SIZE);
    check(trace_state_add(again, state));
    check(strcmp(again, state) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = memory_try(size + 1), state[TRACE_STATE_SIZE] = "";
    if (text == NULL) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *line = text, *end = strchr(line, '\n');
    if (end != NULL) *end = '\0';
    check_parent(line);
    while (end != NULL) {
        line = end + 1;
        end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        if (!trace_state_add(state, line)) check(state[0] == '\0');
        check_state(state);
    }
    memory_free(text);
    return 0;
}
