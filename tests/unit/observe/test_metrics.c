// Counting from many threads, unknown label values, histograms, info metrics.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "observe/metrics.h"

enum { THREADS = 8, ROUNDS = 5000 };

static struct metrics *metrics;

static int start(void **state) {
    (void)state;
    struct error err = {0};
    metrics = metrics_create(&err);
    return metrics == NULL ? -1 : 0;
}

static int stop(void **state) {
    (void)state;
    metrics_destroy(metrics);
    return 0;
}

// The number behind `sample ` in the exposition; NAN when there is no such sample.
static double exposed(const char *sample) {
    size_t size;
    char *text = metrics_text_create(metrics, METRICS_PROMETHEUS, &size);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    double value = NAN;
    size_t length = strlen(sample);
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, sample, length) == 0 && line[length] == ' ')
            value = strtod(line + length, NULL);
    }
    memory_free(text);
    return value;
}

static bool some_trace(char trace_id[static 33]) {
    memcpy(trace_id, "0af7651916cd43dd8448eb211c80319c", 33);
    return true;
}

static void *count_many(void *context) {
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        metrics_add(metrics, METRIC_ROUTER_LOCAL, NULL, NULL, 1);
        metrics_add(metrics, METRIC_HTTP_REQUESTS, "GET /search", "200", 1);
        metrics_observe(metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL, i % 2 == 0 ? 75 : 5000);
        metrics_set_info(metrics, METRIC_MODEL_INFO, "a", "b");
        if (i % 1000 == 0) {
            size_t size;
            memory_free(metrics_text_create(metrics, METRICS_OPENMETRICS, &size));
        }
    }
    return NULL;
}

static void test_threads_count_exactly(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    metrics_set_trace_source(metrics, some_trace);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    const double all = THREADS * ROUNDS;
    assert_true(metrics_value(metrics, METRIC_ROUTER_LOCAL, NULL, NULL) == all);
    assert_true(metrics_value(metrics, METRIC_HTTP_REQUESTS, "GET /search", "200") == all);
    assert_true(metrics_value(metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL) == all);
    assert_true(exposed("request_latency_ms_sum") == all / 2 * (75 + 5000));
    assert_true(exposed("request_latency_ms_bucket{le=\"100\"}") == all / 2);
    assert_true(exposed("request_latency_ms_bucket{le=\"3200\"}") == all / 2);
    assert_true(exposed("request_latency_ms_bucket{le=\"+Inf\"}") == all);
    assert_true(exposed("request_latency_ms_count") == all);
}

static void test_every_series_starts_at_zero(void **state) {
    (void)state;
    assert_true(exposed("router_local_total") == 0);
    assert_true(exposed("imgrouter_http_requests_total{route=\"POST /images\",code=\"503\"}") == 0);
    assert_true(exposed("imgrouter_http_requests_total{route=\"other\",code=\"other\"}") == 0);
    assert_true(exposed("imgrouter_upload_results_total{result=\"failed\",source=\"url\"}") == 0);
    assert_true(exposed("imgrouter_stage_duration_seconds_count{stage=\"queue\"}") == 0);
    assert_true(isnan(exposed("imgrouter_upload_results_total{result=\"other\",source=\"url\"}")));
}

static void test_unknown_label_values(void **state) {
    (void)state;
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "GET /etc/passwd", "418", 1);
    metrics_add(metrics, METRIC_HTTP_REQUESTS, NULL, "404", 2);
    metrics_add(metrics, METRIC_HTTP_REQUESTS, "GET /", "", 4);
    assert_true(metrics_value(metrics, METRIC_HTTP_REQUESTS, "other", "other") == 1);
    assert_true(metrics_value(metrics, METRIC_HTTP_REQUESTS, "other", "404") == 2);
    assert_true(metrics_value(metrics, METRIC_HTTP_REQUESTS, "GET /", "other") == 4);
    // A list without "other" takes nothing else.
    metrics_add(metrics, METRIC_UPLOAD_RESULTS, "strange", "url", 1);
    assert_true(metrics_value(metrics, METRIC_UPLOAD_RESULTS, "strange", "url") == 0);
    assert_true(metrics_value(metrics, METRIC_UPLOAD_RESULTS, "failed", "url") == 0);
}

static void test_gauges(void **state) {
    (void)state;
    metrics_set(metrics, METRIC_IMAGES, NULL, NULL, 12);
    metrics_add(metrics, METRIC_IMAGES, NULL, NULL, -2.5);
    assert_true(metrics_value(metrics, METRIC_IMAGES, NULL, NULL) == 9.5);
    assert_true(exposed("imgrouter_images") == 9.5);
    metrics_set(metrics, METRIC_QUEUE_DEPTH, NULL, NULL, INFINITY);
    assert_true(isinf(exposed("imgrouter_queue_depth")));
}

static void test_histogram_bounds(void **state) {
    (void)state;
    // A bound belongs to its bucket: `le` is less or equal.
    const double values[] = {0, 50, 50.0001, 100, 3200, 3200.0001, -1};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        metrics_observe(metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL, values[i]);
    metrics_observe(metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL, NAN);
    metrics_observe(metrics, METRIC_REQUEST_LATENCY_MS, NULL, NULL, INFINITY);
    assert_true(exposed("request_latency_ms_bucket{le=\"50\"}") == 3);
    assert_true(exposed("request_latency_ms_bucket{le=\"100\"}") == 5);
    assert_true(exposed("request_latency_ms_bucket{le=\"1600\"}") == 5);
    assert_true(exposed("request_latency_ms_bucket{le=\"3200\"}") == 6);
    assert_true(exposed("request_latency_ms_bucket{le=\"+Inf\"}") == 7);
    assert_true(exposed("request_latency_ms_count") == 7);
    metrics_observe(metrics, METRIC_STAGE_DURATION, "embed", NULL, 0.004);
    assert_true(exposed("imgrouter_stage_duration_seconds_bucket{stage=\"embed\",le=\"0.0025\"}") ==
                0);
    assert_true(exposed("imgrouter_stage_duration_seconds_bucket{stage=\"embed\",le=\"0.005\"}") ==
                1);
    assert_true(exposed("imgrouter_stage_duration_seconds_sum{stage=\"embed\"}") == 0.004);
}

static void test_info(void **state) {
    (void)state;
    assert_true(isnan(exposed("imgrouter_build_info{version=\"1\",kernel_tier=\"avx2\"}")));
    metrics_set_info(metrics, METRIC_BUILD_INFO, "1", "avx2");
    assert_true(exposed("imgrouter_build_info{version=\"1\",kernel_tier=\"avx2\"}") == 1);
    metrics_set_info(metrics, METRIC_BUILD_INFO, "a\"b\\c\nd", NULL);
    assert_true(exposed("imgrouter_build_info{version=\"a\\\"b\\\\c\\nd\",kernel_tier=\"\"}") == 1);
    assert_true(isnan(exposed("imgrouter_build_info{version=\"1\",kernel_tier=\"avx2\"}")));
    // Cut between characters: 80 of two bytes each do not fit into 159 bytes, 79 do.
    char long_text[161] = "";
    for (int i = 0; i < 80; i++) memcpy(long_text + strlen(long_text), "\xc3\xa9", 3);
    metrics_set_info(metrics, METRIC_BUILD_INFO, long_text, "x");
    char wanted[256] = "imgrouter_build_info{version=\"";
    memcpy(wanted + strlen(wanted), long_text, 158);
    memcpy(wanted + strlen("imgrouter_build_info{version=\"") + 158, "\",kernel_tier=\"x\"}", 19);
    assert_true(exposed(wanted) == 1);
}

static char *written(enum metrics_format format) {
    size_t size;
    char *text = metrics_text_create(metrics, format, &size);
    assert_non_null(text);
    return text;
}

static void test_exemplars(void **state) {
    (void)state;
    metrics_observe(metrics, METRIC_STAGE_DURATION, "embed", NULL, 0.004);
    char *text = written(METRICS_OPENMETRICS);
    assert_null(strstr(text, "trace_id"));  // nobody knows a trace
    memory_free(text);
    metrics_set_trace_source(metrics, some_trace);
    metrics_observe(metrics, METRIC_STAGE_DURATION, "embed", NULL, 0.0045);
    metrics_add(metrics, METRIC_SEARCHES, NULL, NULL, 1);
    metrics_add(metrics, METRIC_CLOUD_COST, NULL, NULL, 0);  // nothing to show
    metrics_set(metrics, METRIC_IMAGES, NULL, NULL, 5);
    metrics_add(metrics, METRIC_QUEUE_DEPTH, NULL, NULL, 5);
    text = written(METRICS_OPENMETRICS);
    assert_non_null(
        strstr(text,
               "imgrouter_stage_duration_seconds_bucket{stage=\"embed\",le=\"0.005\"} 2 "
               "# {trace_id=\"0af7651916cd43dd8448eb211c80319c\"} 0.0045 "));
    assert_non_null(strstr(text, "imgrouter_searches_total 1 # {trace_id=\""));
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "trace_id")) != NULL; at++) count++;
    assert_int_equal(count, 2);
    const char *time = strstr(text, "} 0.0045 ") + strlen("} 0.0045 ");
    assert_true(strtod(time, NULL) > 1.6e9 && strtod(time, NULL) < 1e11);  // seconds
    memory_free(text);
    text = written(METRICS_PROMETHEUS);
    assert_null(strstr(text, "trace_id"));
    memory_free(text);
}

static void test_openmetrics_differs(void **state) {
    (void)state;
    char *text = written(METRICS_OPENMETRICS);
    assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
    assert_non_null(strstr(text, "\n# TYPE router_local counter\nrouter_local_total 0\n"));
    assert_int_equal(strncmp(text, "# HELP router_local ", 20), 0);
    assert_non_null(
        strstr(text, "\n# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total "));
    assert_non_null(strstr(text, "request_latency_ms_bucket{le=\"50.0\"} 0\n"));
    assert_non_null(strstr(text, "imgrouter_batch_size_bucket{le=\"+Inf\"} 0\n"));
    assert_non_null(strstr(text, "imgrouter_route_duration_seconds_bucket{le=\"2.5e-05\"} 0\n"));
    memory_free(text);
    text = written(METRICS_PROMETHEUS);
    assert_null(strstr(text, "# EOF"));
    memory_free(text);
}

static void test_recent(void **state) {
    (void)state;
    static double values[METRICS_RECENT];
    assert_int_equal(metrics_recent(metrics, METRIC_STAGE_DURATION, "embed", NULL, values), 0);
    metrics_observe(metrics, METRIC_STAGE_DURATION, "embed", NULL, 0.5);
    metrics_observe(metrics, METRIC_STAGE_DURATION, "search", NULL, 7);
    assert_int_equal(metrics_recent(metrics, METRIC_STAGE_DURATION, "embed", NULL, values), 1);
    assert_true(values[0] == 0.5);
    for (int i = 0; i < METRICS_RECENT; i++)
        metrics_observe(metrics, METRIC_STAGE_DURATION, "embed", NULL, 2);
    size_t count = metrics_recent(metrics, METRIC_STAGE_DURATION, "embed", NULL, values);
    assert_int_equal(count, METRICS_RECENT);
    for (size_t i = 0; i < count; i++) assert_true(values[i] == 2);  // the oldest made way
    assert_int_equal(metrics_recent(metrics, METRIC_STAGE_DURATION, "strange", NULL, values), 0);
}

static void test_process_metrics(void **state) {
    (void)state;
    assert_true(exposed("process_cpu_seconds_total") >= 0);
    assert_true(exposed("process_resident_memory_bytes") > 100 * 1024);
    assert_true(exposed("process_virtual_memory_bytes") > exposed("process_resident_memory_bytes"));
    assert_true(exposed("process_open_fds") >= 3);
    assert_true(exposed("process_max_fds") >= exposed("process_open_fds"));
    assert_true(exposed("process_start_time_seconds") > 1.6e9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_count_exactly, start, stop),
        cmocka_unit_test_setup_teardown(test_every_series_starts_at_zero, start, stop),
        cmocka_unit_test_setup_teardown(test_unknown_label_values, start, stop),
        cmocka_unit_test_setup_teardown(test_gauges, start, stop),
        cmocka_unit_test_setup_teardown(test_histogram_bounds, start, stop),
        cmocka_unit_test_setup_teardown(test_info, start, stop),
        cmocka_unit_test_setup_teardown(test_exemplars, start, stop),
        cmocka_unit_test_setup_teardown(test_openmetrics_differs, start, stop),
        cmocka_unit_test_setup_teardown(test_recent, start, stop),
        cmocka_unit_test_setup_teardown(test_process_metrics, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
