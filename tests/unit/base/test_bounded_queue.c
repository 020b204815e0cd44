#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bounded_queue.h"
#include "base/clock.h"

static int entries[100];

static void test_interactive_leaves_first_in_order(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(8, NULL);
    assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[0], NULL));
    assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[1], NULL));
    assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[2], NULL));
    assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[3], NULL));
    assert_int_equal(bounded_queue_depth(queue), 4);
    assert_ptr_equal(bounded_queue_pop(queue), &entries[2]);
    assert_ptr_equal(bounded_queue_pop(queue), &entries[3]);
    assert_ptr_equal(bounded_queue_pop(queue), &entries[0]);
    assert_ptr_equal(bounded_queue_pop(queue), &entries[1]);
    bounded_queue_destroy(queue);
}

static void test_full_refuses_and_recovers(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(2, NULL);
    for (int round = 0; round < 5; round++) {  // the rings wrap
        struct error err = {0};
        assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[0], NULL));
        assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[1], NULL));
        assert_false(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[2], &err));
        assert_int_equal(err.kind, ERROR_OVERLOADED);
        assert_ptr_equal(bounded_queue_pop(queue), &entries[1]);
        assert_ptr_equal(bounded_queue_pop(queue), &entries[0]);
    }
    bounded_queue_destroy(queue);
}

static void test_closed_gives_what_is_left(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(2, NULL);
    assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[0], NULL));
    bounded_queue_close(queue);
    struct error err = {0};
    assert_false(bounded_queue_push(queue, QUEUE_BULK, &entries[1], &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_ptr_equal(bounded_queue_pop(queue), &entries[0]);
    assert_null(bounded_queue_pop(queue));
    bounded_queue_destroy(queue);
}

static void test_pop_until_gives_up(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(2, NULL);
    int64_t started = clock_monotonic_ns();
    assert_null(bounded_queue_pop_until(queue, started + 20000000));
    assert_true(clock_monotonic_ns() - started >= 20000000);
    assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[0], NULL));
    assert_ptr_equal(bounded_queue_pop_until(queue, started), &entries[0]);
    bounded_queue_destroy(queue);
}

enum { PER_PRODUCER = 2000, PRODUCERS = 3 };

static void *produce(void *argument) {
    for (int i = 0; i < PER_PRODUCER;)
        if (bounded_queue_push(argument, i % 2 ? QUEUE_BULK : QUEUE_INTERACTIVE, &entries[i % 100],
                               NULL))
            i++;
    return NULL;
}

static void *consume(void *argument) {
    uintptr_t count = 0;
    while (bounded_queue_pop(argument) != NULL) count++;
    return (void *)count;
}

static void test_threads_lose_nothing(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(7, NULL);
    pthread_t producers[PRODUCERS], consumers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, queue), 0);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&producers[i], NULL, produce, queue), 0);
    for (int i = 0; i < PRODUCERS; i++) pthread_join(producers[i], NULL);
    bounded_queue_close(queue);
    uintptr_t total = 0;
    for (int i = 0; i < 2; i++) {
        void *count;
        pthread_join(consumers[i], &count);
        total += (uintptr_t)count;
    }
    assert_int_equal(total, PRODUCERS * PER_PRODUCER);
    bounded_queue_destroy(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interactive_leaves_first_in_order),
        cmocka_unit_test(test_full_refuses_and_recovers),
        cmocka_unit_test(test_closed_gives_what_is_left),
        cmocka_unit_test(test_pop_until_gives_up),
        cmocka_unit_test(test_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
