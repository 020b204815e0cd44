// Requests with many inputs: how many are at work at once, and that every input is worked on once,
// by so many threads as there may be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "api/api.h"
#include "api/batch_threads.h"

enum { INPUTS = 1000, PLACES = 4 };

static void only_so_many_are_at_work_at_once(void **state) {
    (void)state;
    static struct api api;
    struct error err = {0};
    for (int i = 0; i < PLACES; i++) assert_true(batch_enter(&api, &err));
    for (int i = 0; i < 3; i++) {  // who is refused takes no place
        error_clear(&err);
        assert_false(batch_enter(&api, &err));
        assert_int_equal(err.kind, ERROR_OVERLOADED);
    }
    batch_leave(&api);
    assert_true(batch_enter(&api, NULL));
    assert_false(batch_enter(&api, NULL));
}

struct counters {
    atomic_int worked[INPUTS];
    atomic_int inside, most_inside;
};

static void work(void *context, size_t index) {
    struct counters *counters = context;
    int inside = atomic_fetch_add(&counters->inside, 1) + 1;
    int most = atomic_load(&counters->most_inside);
    while (inside > most && !atomic_compare_exchange_weak(&counters->most_inside, &most, inside))
        continue;
    (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    atomic_fetch_add(&counters->worked[index], 1);
    atomic_fetch_sub(&counters->inside, 1);
}

static int most_inside(size_t threads, size_t count) {
    static struct api api;
    static struct counters counters;
    api.batch_threads = threads;
    counters = (struct counters){.inside = 0};
    batch_threads_run(&api, count, work, &counters);
    for (size_t i = 0; i < INPUTS; i++)
        assert_int_equal(atomic_load(&counters.worked[i]), i < count);
    return atomic_load(&counters.most_inside);
}

static void every_input_is_worked_on_once(void **state) {
    (void)state;
    assert_int_equal(most_inside(1, INPUTS), 1);
    int most = most_inside(4, INPUTS);
    assert_true(most >= 3 && most <= 4);
    assert_true(most_inside(8, 2) <= 2);
    assert_int_equal(most_inside(4, 0), 0);
    assert_true(most_inside(1000, INPUTS) <= 257);  // the stack has room for so many
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_many_are_at_work_at_once),
        cmocka_unit_test(every_input_is_worked_on_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
