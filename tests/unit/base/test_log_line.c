// Standard error is a pipe here, so that what is written to it can be read back.
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/memory.h"

static int real_error_output, readable;

static int redirect(void **state) {
    (void)state;
    int ends[2];
    if (pipe(ends) != 0) return -1;
    real_error_output = dup(STDERR_FILENO);
    readable = ends[0];
    if (fcntl(readable, F_SETFL, O_NONBLOCK) != 0) return -1;
    if (dup2(ends[1], STDERR_FILENO) < 0) return -1;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    return close(ends[1]);
}

static int restore(void **state) {
    (void)state;
    (void)dup2(real_error_output, STDERR_FILENO);
    (void)close(real_error_output);
    log_configure(LOG_INFO, LOG_FORMAT_AUTO);
    return close(readable);
}

// Everything written since the last call; the caller frees.
static char *read_back(void) {
    enum { SIZE = 4 * 1024 * 1024 };
    char *text = memory_try(SIZE);
    assert_non_null(text);
    size_t used = 0;
    ssize_t got;
    while ((got = read(readable, text + used, SIZE - 1 - used)) > 0) used += (size_t)got;
    text[used] = '\0';
    return text;
}

// The one line written, without its end, as JSON.
static json_t *read_json(void) {
    char *text = read_back();
    size_t size = strlen(text);
    assert_true(size > 0 && size <= LOG_LINE_SIZE);
    assert_ptr_equal(strchr(text, '\n'), text + size - 1);
    for (size_t i = 0; i + 1 < size; i++) assert_true((unsigned char)text[i] >= ' ');
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) fail_msg("%s: %s", error.text, text);
    memory_free(text);
    return json;
}

static const char *text_of(const json_t *json, const char *name) {
    return json_string_value(json_object_get(json, name));
}

static void json_has_every_field(void **state) {
    (void)state;
    struct log_line line;
    log_line_begin(&line, LOG_WARNING, "a \"message\"");
    log_line_text(&line, "text", "back\\slash");
    log_line_integer(&line, "integer", INT64_MIN);
    log_line_open(&line, "inner");
    log_line_decimal(&line, "decimal", 1.5, 3);
    log_line_decimal(&line, "whole", 100, 3);
    log_line_decimal(&line, "small", 0.00043215, 9);
    log_line_close(&line);
    log_line_decimal(&line, "none", NAN, 3);
    log_line_decimal(&line, "huge", 1e300, 3);
    log_line_flag(&line, "flag", true);
    log_line_write(&line);
    json_t *json = read_json();
    assert_int_equal(strlen(text_of(json, "time")), strlen("2026-11-23T01:02:03.004Z"));
    assert_string_equal(text_of(json, "level"), "warning");
    assert_string_equal(text_of(json, "message"), "a \"message\"");
    assert_string_equal(text_of(json, "text"), "back\\slash");
    assert_true(json_integer_value(json_object_get(json, "integer")) == INT64_MIN);
    const json_t *inner = json_object_get(json, "inner");
    assert_int_equal(json_object_size(inner), 3);
    assert_true(json_real_value(json_object_get(inner, "decimal")) == 1.5);
    assert_int_equal(json_integer_value(json_object_get(inner, "whole")), 100);
    assert_true(json_real_value(json_object_get(inner, "small")) == 0.00043215);
    assert_true(json_is_null(json_object_get(json, "none")));
    assert_true(json_is_null(json_object_get(json, "huge")));
    assert_true(json_is_true(json_object_get(json, "flag")));
    json_decref(json);
}

static void text_is_for_people(void **state) {
    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT);
    struct log_line line;
    log_line_begin(&line, LOG_INFO, "GET /a\x1b[31m\n");
    log_line_text(&line, "plain", "word");
    log_line_text(&line, "quoted", "two \"words\"");
    log_line_open(&line, "inner");
    log_line_integer(&line, "count", 3);
    log_line_close(&line);
    log_line_text(&line, "turned",
                  "a\xe2\x80\xae"
                  "b\xc2\x9b"
                  "c\xff");
    log_line_write(&line);
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    char *text = read_back();
    assert_string_equal(text + strlen("2026-11-23T01:02:03.004Z"),
                        " info    GET /a\\x1b[31m\\x0a plain=word quoted=\"two \\\"words\\\"\" "
                        "count=3 turned=a\\u202eb\\x9bc\\xff\n");
    memory_free(text);
}

static void what_it_reads_is_written_as_it_is(void **state) {
    (void)state;
    static const char *const kept[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x88",
                                       "\x7e\xc2\xa0"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        log_write(LOG_INFO, "%s", kept[i]);
        json_t *json = read_json();
        assert_string_equal(text_of(json, "message"), kept[i]);
        json_decref(json);
    }
    // Overlong, a surrogate, above the last, cut short, a lone follower.
    static const char *const broken[] = {"\xc0\xaf",         "\xe0\x80\xaf",     "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80", "\xf0\x9f\x90",     "\x80",
                                         "\xf0\x80\x80\xaf", "\xf5\x80\x80\x80", "\xc3"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        log_write(LOG_INFO, "%s", broken[i]);
        json_t *json = read_json();
        assert_non_null(strstr(text_of(json, "message"), "\xef\xbf\xbd"));
        json_decref(json);
    }
}

// What would steer a terminal or turn the text around is not in the line as it is.
static void steering_characters_are_escaped(void **state) {
    (void)state;
    static const char *const steering[] = {"\x01",         "\x1b",         "\x7f",
                                           "\xc2\x80",     "\xc2\x9f",     "\xd8\x9c",
                                           "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8",
                                           "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"};
    for (size_t i = 0; i < sizeof steering / sizeof steering[0]; i++) {
        log_write(LOG_INFO, "%s", steering[i]);
        char *text = read_back();
        assert_null(strstr(text, steering[i]));
        json_t *json = json_loads(text, 0, NULL);
        assert_string_equal(text_of(json, "message"), steering[i]);
        json_decref(json);
        memory_free(text);
    }
}

// Long values of the worst bytes in every field: the line stays one, valid, and no longer than a
// pipe takes at once.
static void long_values_are_cut(void **state) {
    (void)state;
    static char value[8192];
    for (int byte = 1; byte < 256; byte++) {
        memset(value, byte, sizeof value - 1);
        struct log_line line;
        log_line_begin(&line, LOG_INFO, value);
        for (int i = 0; i < 12; i++) {
            char name[8];
            (void)snprintf(name, sizeof name, "name%d", i);
            log_line_text(&line, name, value);
        }
        log_line_open(&line, "inner");
        for (int i = 0; i < 200; i++) {
            char name[8];
            (void)snprintf(name, sizeof name, "n%d", i);
            log_line_decimal(&line, name, -1e40, 3);
        }
        log_line_close(&line);
        log_line_flag(&line, "last", true);
        log_line_write(&line);
        json_decref(read_json());
    }
    memset(value, 'a', sizeof value - 1);
    log_write(LOG_INFO, "%s", value);
    json_t *json = read_json();
    const char *message = text_of(json, "message");
    assert_true(strlen(message) > 2000);
    json_decref(json);
    struct log_line line;
    log_line_begin(&line, LOG_INFO, "m");
    log_line_text(&line, "value", value);
    log_line_write(&line);
    json = read_json();
    message = text_of(json, "value");
    assert_int_equal(strlen(message), LOG_VALUE_SIZE);
    assert_string_equal(message + strlen(message) - 3, "\xe2\x80\xa6");
    json_decref(json);
}

static void levels(void **state) {
    (void)state;
    log_debug("not wanted");
    assert_false(log_is_on(LOG_DEBUG));
    log_info("wanted");
    json_decref(read_json());
    log_configure(LOG_OFF, LOG_FORMAT_JSON);
    log_error("not wanted");
    char *text = read_back();
    assert_string_equal(text, "");
    memory_free(text);
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
}

enum { THREADS = 4, LINES = 5000 };

static void *write_lines(void *unused) {
    (void)unused;
    for (int i = 0; i < LINES; i++)
        log_info("a line that is long enough to fill a pipe of 64 kB %d times over", i);
    return NULL;
}

// Nobody reads: the writers come to an end all the same. Then somebody does: what is there are
// whole lines, and the next line tells how many are not.
static void a_full_pipe_holds_nobody_up(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    int64_t started = clock_monotonic_ns();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
    assert_true(clock_ms_since(started) < 20000);

    char *text = read_back();
    int whole = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; whole++) {
        json_t *json = json_loads(line, 0, NULL);
        assert_non_null(json);
        json_decref(json);
    }
    memory_free(text);
    assert_true(whole > 100 && whole < THREADS * LINES);

    log_info("again");
    text = read_back();
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "\"%d log lines were lost, because what reads them",
                   THREADS * LINES - whole);
    assert_non_null(strstr(text, wanted));
    assert_non_null(strstr(text, "\"again\"}\n"));
    memory_free(text);
    log_info("once");
    text = read_back();
    assert_null(strstr(text, "lost"));
    memory_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_has_every_field, redirect, restore),
        cmocka_unit_test_setup_teardown(text_is_for_people, redirect, restore),
        cmocka_unit_test_setup_teardown(what_it_reads_is_written_as_it_is, redirect, restore),
        cmocka_unit_test_setup_teardown(steering_characters_are_escaped, redirect, restore),
        cmocka_unit_test_setup_teardown(long_values_are_cut, redirect, restore),
        cmocka_unit_test_setup_teardown(levels, redirect, restore),
        cmocka_unit_test_setup_teardown(a_full_pipe_holds_nobody_up, redirect, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
