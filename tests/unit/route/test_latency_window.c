#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "route/latency_window.h"

static struct latency_window window;

static int setup(void **state) {
    (void)state;
    latency_window_init(&window);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    latency_window_clear(&window);
    return 0;
}

static void assert_figures(double p95_ms, double median_ms) {
    struct latency_figures figures = latency_window_read(&window);
    assert_true(figures.p95_ms == p95_ms);
    assert_true(figures.median_ms == median_ms);
}

static void test_nothing_is_0(void **state) {
    (void)state;
    assert_figures(0, 0);
}

static void test_few(void **state) {
    (void)state;
    latency_window_add(&window, 30);
    assert_figures(30, 30);
    latency_window_add(&window, 10);
    assert_figures(30, 10);
    latency_window_add(&window, 20);
    assert_figures(30, 20);
}

// 1 to 100 in an order of their own: 95 of them are at most 95.
static void test_ranks(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) latency_window_add(&window, (i * 37) % 100 + 1);
    assert_figures(95, 50);
}

static void test_the_oldest_make_way(void **state) {
    (void)state;
    for (int i = 0; i < LATENCY_WINDOW_SIZE; i++) latency_window_add(&window, 1000);
    for (int i = 0; i < LATENCY_WINDOW_SIZE - 7; i++) latency_window_add(&window, 5);
    assert_figures(1000, 5);  // 7 of 128 are more than 5 %
    latency_window_add(&window, 5);
    assert_figures(5, 5);
}

static void test_what_is_no_duration_is_left_out(void **state) {
    (void)state;
    latency_window_add(&window, -1);
    latency_window_add(&window, NAN);
    latency_window_add(&window, INFINITY);
    assert_figures(0, 0);
    latency_window_add(&window, 0);
    assert_int_equal(window.count, 1);
}

static int double_compare(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

// Against sorting anew, with many equal durations.
static void test_is_what_sorting_gives(void **state) {
    (void)state;
    enum { ADDED = 5000 };
    static double all[ADDED];
    uint32_t random = 1;
    for (size_t i = 0; i < ADDED; i++) {
        random = random * 1664525 + 1013904223;
        all[i] = (random >> 16) % 50;
        latency_window_add(&window, all[i]);

        double sorted[LATENCY_WINDOW_SIZE];
        size_t count = i + 1 < LATENCY_WINDOW_SIZE ? i + 1 : LATENCY_WINDOW_SIZE;
        memcpy(sorted, all + i + 1 - count, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, double_compare);
        assert_figures(sorted[(size_t)ceil(0.95 * (double)count - 1e-9) - 1],
                       sorted[(size_t)ceil(0.5 * (double)count) - 1]);
    }
}

enum { WRITERS = 4, READERS = 4, ROUNDS = 5000 };

static void *write_durations(void *context) {
    double duration_ms = *(double *)context;
    for (int i = 0; i < ROUNDS; i++) latency_window_add(&window, duration_ms);
    return NULL;
}

static void *read_figures(void *context) {
    int *faults = context;
    for (int i = 0; i < ROUNDS; i++) {
        struct latency_figures figures = latency_window_read(&window);
        if (figures.median_ms > figures.p95_ms || figures.p95_ms > WRITERS ||
            floor(figures.p95_ms) != figures.p95_ms)
            (*faults)++;
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[WRITERS + READERS];
    double durations_ms[WRITERS];
    int faults[READERS] = {0};
    for (size_t i = 0; i < WRITERS; i++) {
        durations_ms[i] = (double)i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, write_durations, &durations_ms[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[WRITERS + i], NULL, read_figures, &faults[i]), 0);
    for (size_t i = 0; i < WRITERS + READERS; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < READERS; i++) assert_int_equal(faults[i], 0);

    double recent[LATENCY_WINDOW_SIZE];
    assert_int_equal(window.count, LATENCY_WINDOW_SIZE);
    memcpy(recent, window.recent, sizeof recent);
    qsort(recent, LATENCY_WINDOW_SIZE, sizeof *recent, double_compare);
    assert_memory_equal(recent, window.sorted, sizeof recent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_0, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_make_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_duration_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_what_sorting_gives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
