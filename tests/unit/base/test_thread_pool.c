#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/processors.h"
#include "base/thread_pool.h"

enum { MOST_TASKS = 500 };

struct tally {
    int done[MOST_TASKS];  // each task has its own place, so no atomics are needed
    size_t threads;
    int worker_is_wrong[MOST_TASKS];
};

static void count_task(void *context, size_t task, size_t worker) {
    struct tally *tally = context;
    tally->done[task]++;
    tally->worker_is_wrong[task] = worker >= tally->threads;
}

static void test_every_task_runs_once(void **state) {
    (void)state;
    for (size_t threads = 1; threads <= 4; threads++) {
        struct thread_pool *pool = thread_pool_create(threads, NULL);
        assert_int_equal(thread_pool_size(pool), threads);
        for (size_t tasks = 0; tasks < MOST_TASKS; tasks += 1 + tasks / 3) {
            struct tally tally = {.threads = threads};
            thread_pool_run(pool, count_task, &tally, tasks);
            for (size_t i = 0; i < MOST_TASKS; i++) {
                assert_int_equal(tally.done[i], i < tasks);
                assert_false(tally.worker_is_wrong[i]);
            }
        }
        thread_pool_destroy(pool);
    }
}

static void test_sleepers_wake(void **state) {
    (void)state;
    struct thread_pool *pool = thread_pool_create(3, NULL);
    for (int round = 0; round < 5; round++) {
        struct tally tally = {.threads = 3};
        usleep(20000);  // longer than the spinning
        thread_pool_run(pool, count_task, &tally, 40);
        for (size_t i = 0; i < 40; i++) assert_int_equal(tally.done[i], 1);
    }
    thread_pool_destroy(pool);
}

static void test_many_short_rounds(void **state) {
    (void)state;
    struct thread_pool *pool = thread_pool_create(2, NULL);
    struct tally tally = {.threads = 2};
    for (int round = 0; round < 20000; round++) thread_pool_run(pool, count_task, &tally, 2);
    assert_int_equal(tally.done[0], 20000);
    assert_int_equal(tally.done[1], 20000);
    thread_pool_destroy(pool);
}

static void test_default_size_is_what_we_may_use(void **state) {
    (void)state;
    struct thread_pool *pool = thread_pool_create(0, NULL);
    assert_int_equal(thread_pool_size(pool), processor_count());
    assert_in_range(processor_count(), 1, 4096);
    thread_pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_runs_once),
        cmocka_unit_test(test_sleepers_wake),
        cmocka_unit_test(test_many_short_rounds),
        cmocka_unit_test(test_default_size_is_what_we_may_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
