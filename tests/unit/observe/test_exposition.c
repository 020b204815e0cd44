// The rules of the Prometheus text format, line by line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "observe/metrics.h"

static char *text;

static int start(void **state) {
    (void)state;
    struct error err = {0};
    struct metrics *metrics = metrics_create(&err);
    if (metrics == NULL) return -1;
    metrics_set_info(metrics, METRIC_BUILD_INFO, "0.0.0 \"quoted\"\\", "scalar\nline");
    metrics_set_info(metrics, METRIC_MODEL_INFO, "caption \xe2\x82\xac", "vector");
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "POST /images", "200", 3);
    metrics_observe(metrics, METRIC_STAGE_DURATION, "decode", NULL, 0.1 + 0.2);
    size_t size;
    text = metrics_text_create(metrics, METRICS_PROMETHEUS, &size);
    metrics_destroy(metrics);
    return text == NULL ? -1 : 0;
}

static int stop(void **state) {
    (void)state;
    memory_free(text);
    return 0;
}

static bool is_name(const char *name, size_t size) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    return size > 0 && (name[0] < '0' || name[0] > '9') && strspn(name, letters) >= size;
}

static void test_lines(void **state) {
    (void)state;
    char family[128] = "";
    char seen[8192] = "\n";  // families so far: each may come once
    size_t samples = 0;
    const char *line = text;
    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        assert_int_equal(line[size], '\n');  // the last line as well
        assert_true(size > 0);
        if (strncmp(line, "# HELP ", 7) == 0) {
            size_t name_size = strcspn(line + 7, " ");
            assert_true(is_name(line + 7, name_size));
            assert_true(name_size + 2 < sizeof family && size > 7 + name_size + 1);
            (void)snprintf(family, sizeof family, "\n%.*s\n", (int)name_size, line + 7);
            if (strstr(seen, family) != NULL) fail_msg("twice: %s", family);
            (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s", family + 1);
            (void)snprintf(family, sizeof family, "%.*s", (int)name_size, line + 7);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_int_equal(strncmp(line + 7, family, strlen(family)), 0);
            const char *type = line + 7 + strlen(family) + 1;
            size_t type_size = size - (size_t)(type - line);
            bool is_counter = strncmp(type, "counter", type_size) == 0;
            assert_true(is_counter || strncmp(type, "gauge", type_size) == 0 ||
                        strncmp(type, "histogram", type_size) == 0);
            // A counter ends in _total and nothing else does.
            size_t end = strlen(family) - strlen("_total");
            assert_int_equal(is_counter, strcmp(family + end, "_total") == 0);
        } else {
            size_t name_size = strcspn(line, "{ ");
            assert_true(is_name(line, name_size));
            assert_int_equal(strncmp(line, family, strlen(family)), 0);
            const char *suffix = line + strlen(family);
            assert_true(*suffix == ' ' || *suffix == '{' || strncmp(suffix, "_bucket{", 8) == 0 ||
                        strncmp(suffix, "_sum", 4) == 0 || strncmp(suffix, "_count", 6) == 0);
            samples++;
        }
        line += size + 1;
    }
    assert_true(samples > 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
