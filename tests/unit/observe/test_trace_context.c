// tests/suites/trace_context: NAME.parent is a traceparent and NAME.expected how it is told on, or
// an empty line when it is none; NAME.state has the lines of a tracestate, likewise.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "observe/trace_context.h"

enum { PATH_SIZE = 1024, TEXT_MAX = 100000 };

static char *read_text(const char *name, const char *ending) {
    char path[PATH_SIZE];
    size_t size;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, sizeof path, "%s/suites/trace_context/%s%s", data == NULL ? "tests" : data,
                   name, ending);
    char *text = file_read_create(path, TEXT_MAX, &size, NULL);
    if (text == NULL) fail_msg("%s cannot be read", path);
    if (size > 0) text[size - 1] = '\0';  // the last line's end
    return text;
}

static void check_parent(const char *name) {
    char *parent = read_text(name, ".parent"), *expected = read_text(name, ".expected");
    struct trace_context context = {0};
    char text[TRACE_PARENT_SIZE] = "";
    if (trace_context_parse(parent, &context)) trace_context_write(&context, text);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: became \"%s\", not \"%s\"", name, text, expected);
    // What is none leaves nothing behind.
    static const struct trace_context zeros;
    if (text[0] == '\0') assert_memory_equal(&context, &zeros, sizeof zeros);
    memory_free(parent);
    memory_free(expected);
}

static void check_state(const char *name) {
    char *lines = read_text(name, ".state"), *expected = read_text(name, ".expected");
    char state[TRACE_STATE_SIZE] = "";
    bool is_good = true;
    for (char *line = lines; is_good && line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        is_good = trace_state_add(state, line);
        line = end == NULL ? NULL : end + 1;
    }
    if (strcmp(state, expected) != 0)
        fail_msg("%s: became \"%s\", not \"%s\"", name, state, expected);
    if (!is_good) assert_string_equal(state, "");
    memory_free(lines);
    memory_free(expected);
}

static void suite(void **unused) {
    (void)unused;
    char path[PATH_SIZE];
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, sizeof path, "%s/suites/trace_context", data == NULL ? "tests" : data);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t parents = 0, states = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || dot == entry->d_name) continue;
        bool is_parent = strcmp(dot, ".parent") == 0, is_state = strcmp(dot, ".state") == 0;
        *dot = '\0';
        if (is_parent) check_parent(entry->d_name);
        if (is_state) check_state(entry->d_name);
        parents += is_parent;
        states += is_state;
    }
    (void)closedir(folder);
    assert_true(parents >= 35 && states >= 25);
}

static void no_header_is_no_context(void **unused) {
    (void)unused;
    struct trace_context context;
    assert_false(trace_context_parse(NULL, &context));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suite),
        cmocka_unit_test(no_header_is_no_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
