#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

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
        for (int i = 0; i < 2; i++) {  // a lane that is full is no matter of the other
            assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[i], NULL));
            assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[2 + i], NULL));
        }
        assert_false(bounded_queue_push(queue, QUEUE_BULK, &entries[9], &err));
        assert_int_equal(err.kind, ERROR_OVERLOADED);
        error_clear(&err);
        assert_false(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[9], &err));
        assert_int_equal(err.kind, ERROR_OVERLOADED);
        assert_int_equal(bounded_queue_depth(queue), 4);
        static const int order[] = {2, 3, 0, 1};
        for (int i = 0; i < 4; i++) assert_ptr_equal(bounded_queue_pop(queue), &entries[order[i]]);
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

// Of 100, the first ten weigh as much as a whole batch less one, the others one each.
enum { WEIGHT_MAX = 4, HEAVY_ENTRIES = 10, A_MOMENT_NS = 20000000 };

static size_t weigh(const void *entry) {
    return (const int *)entry < &entries[HEAVY_ENTRIES] ? WEIGHT_MAX - 1 : 1;
}

// Pops a batch and compares it with entries[first …].
static void assert_batch(struct bounded_queue *queue, int64_t bulk_wait_ns, int first,
                         size_t count) {
    struct queue_batch_rule rule = {
        .weigh = weigh, .weight_max = WEIGHT_MAX, .bulk_wait_ns = bulk_wait_ns};
    void *taken[WEIGHT_MAX];
    assert_int_equal(bounded_queue_pop_batch(queue, &rule, taken), count);
    for (size_t i = 0; i < count; i++) assert_ptr_equal(taken[i], &entries[(size_t)first + i]);
}

static void test_a_batch_is_of_one_lane(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(8, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[20 + i], NULL));
        assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[30 + i], NULL));
    }
    assert_batch(queue, 0, 30, 3);
    assert_batch(queue, 0, 20, 3);
    bounded_queue_destroy(queue);
}

static void test_a_batch_has_a_largest_weight(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(16, NULL);
    for (int i = 20; i < 26; i++)
        assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[i], NULL));
    for (int i = 8; i < 12; i++)
        assert_true(bounded_queue_push(queue, QUEUE_INTERACTIVE, &entries[i], NULL));
    assert_batch(queue, 0, 20, 4);
    assert_batch(queue, 0, 24, 2);
    assert_batch(queue, 0, 8, 1);
    assert_batch(queue, 0, 9, 2);
    assert_batch(queue, 0, 11, 1);
    bounded_queue_destroy(queue);
}

static void test_a_heavier_entry_leaves_alone(void **state) {
    (void)state;
    struct queue_batch_rule rule = {.weigh = weigh, .weight_max = WEIGHT_MAX - 2};
    struct bounded_queue *queue = bounded_queue_create(8, NULL);
    void *taken[WEIGHT_MAX];
    for (int i = 0; i < 2; i++)
        assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[i], NULL));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bounded_queue_pop_batch(queue, &rule, taken), 1);
        assert_ptr_equal(taken[0], &entries[i]);
    }
    bounded_queue_destroy(queue);
}

static const int64_t an_hour_ns = 3600000000000;

// Bulk entries wait for others, but not when their batch is full, nor when the queue is closed.
static void test_bulk_waits_for_more(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(8, NULL);
    int64_t started = clock_monotonic_ns();
    assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[20], NULL));
    assert_batch(queue, A_MOMENT_NS, 20, 1);
    assert_true(clock_monotonic_ns() - started >= A_MOMENT_NS);
    for (int i = 20; i < 25; i++)
        assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[i], NULL));
    assert_batch(queue, an_hour_ns, 20, 4);
    bounded_queue_close(queue);
    assert_batch(queue, an_hour_ns, 24, 1);
    assert_batch(queue, an_hour_ns, 0, 0);
    bounded_queue_destroy(queue);
}

static void *push_later(void *argument) {
    (void)nanosleep(&(struct timespec){.tv_nsec = A_MOMENT_NS}, NULL);
    (void)bounded_queue_push(argument, QUEUE_INTERACTIVE, &entries[30], NULL);
    return NULL;
}

static void test_interactive_ends_the_wait_of_bulk(void **state) {
    (void)state;
    struct bounded_queue *queue = bounded_queue_create(8, NULL);
    pthread_t thread;
    assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[20], NULL));
    assert_int_equal(pthread_create(&thread, NULL, push_later, queue), 0);
    assert_batch(queue, an_hour_ns, 30, 1);
    pthread_join(thread, NULL);
    assert_batch(queue, 0, 20, 1);
    bounded_queue_destroy(queue);
}

enum { PER_PRODUCER = 2000, PRODUCERS = 3 };

static void *expect_nothing(void *argument) {
    const struct queue_batch_rule rule = {
        .weigh = weigh, .weight_max = WEIGHT_MAX, .bulk_wait_ns = an_hour_ns};
    void *taken[WEIGHT_MAX];
    assert_int_equal(bounded_queue_pop_batch(argument, &rule, taken), 0);
    return NULL;
}

// Whoever waits for company of an entry that another consumer takes has no batch in the end.
static void test_the_last_entry_goes_elsewhere_while_a_batch_waits(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct bounded_queue *queue = bounded_queue_create(8, NULL);
        pthread_t waiting;
        assert_true(bounded_queue_push(queue, QUEUE_BULK, &entries[50], NULL));
        assert_int_equal(pthread_create(&waiting, NULL, expect_nothing, queue), 0);
        if (i % 2 == 0) nanosleep(&(struct timespec){.tv_nsec = A_MOMENT_NS / 10}, NULL);
        assert_ptr_equal(bounded_queue_pop(queue), &entries[50]);
        bounded_queue_close(queue);
        pthread_join(waiting, NULL);
        bounded_queue_destroy(queue);
    }
}

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

static void *consume_batches(void *argument) {
    struct queue_batch_rule rule = {
        .weigh = weigh, .weight_max = WEIGHT_MAX, .bulk_wait_ns = 100000};
    void *taken[WEIGHT_MAX];
    uintptr_t count = 0, batch;
    while ((batch = bounded_queue_pop_batch(argument, &rule, taken)) > 0) count += batch;
    return (void *)count;
}

static void lose_nothing(void *(*consumer)(void *), int consumer_count) {
    struct bounded_queue *queue = bounded_queue_create(7, NULL);
    pthread_t producers[PRODUCERS], consumers[2];
    for (int i = 0; i < consumer_count; i++)
        assert_int_equal(pthread_create(&consumers[i], NULL, consumer, queue), 0);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&producers[i], NULL, produce, queue), 0);
    for (int i = 0; i < PRODUCERS; i++) pthread_join(producers[i], NULL);
    bounded_queue_close(queue);
    uintptr_t total = 0;
    for (int i = 0; i < consumer_count; i++) {
        void *count;
        pthread_join(consumers[i], &count);
        total += (uintptr_t)count;
    }
    assert_int_equal(total, PRODUCERS * PER_PRODUCER);
    bounded_queue_destroy(queue);
}

static void test_threads_lose_nothing(void **state) {
    (void)state;
    lose_nothing(consume, 2);
    lose_nothing(consume_batches, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interactive_leaves_first_in_order),
        cmocka_unit_test(test_full_refuses_and_recovers),
        cmocka_unit_test(test_closed_gives_what_is_left),
        cmocka_unit_test(test_a_batch_is_of_one_lane),
        cmocka_unit_test(test_a_batch_has_a_largest_weight),
        cmocka_unit_test(test_a_heavier_entry_leaves_alone),
        cmocka_unit_test(test_bulk_waits_for_more),
        cmocka_unit_test(test_interactive_ends_the_wait_of_bulk),
        cmocka_unit_test(test_the_last_entry_goes_elsewhere_while_a_batch_waits),
        cmocka_unit_test(test_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
