#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void test_overflowing_sizes_give_null(void **state) {
    (void)state;
    assert_null(memory_try_array(SIZE_MAX / 2, 3));
    assert_null(memory_try_zeroed(SIZE_MAX / 2, 3));
    assert_null(memory_try_aligned(SIZE_MAX / 2, 3));
    assert_null(memory_try_aligned(SIZE_MAX, 1));  // rounding up must not wrap
    assert_null(memory_try_resize(NULL, SIZE_MAX / 2, 3));
}

static void test_zero_sizes_give_a_block(void **state) {
    (void)state;
    void *blocks[] = {memory_try(0), memory_try_array(0, 8), memory_try_aligned(0, 8),
                      memory_try_zeroed(0, 8), memory_alloc(0)};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        assert_non_null(blocks[i]);
        memory_free(blocks[i]);
    }
}

static void test_aligned_blocks_are_aligned(void **state) {
    (void)state;
    for (size_t count = 1; count < 200; count += 13) {
        unsigned char *block = memory_try_aligned(count, 3);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % MEMORY_CACHE_LINE, 0);
        memset(block, 1, 3 * count);
        memory_free(block);
    }
}

static void test_the_nth_try_fails_once(void **state) {
    (void)state;
    memory_fail_nth(2, false);
    void *first = memory_try(1), *second = memory_try(1), *third = memory_try(1);
    memory_fail_nth(0, false);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    memory_free(first);
    memory_free(third);
}

static void test_a_sticky_failure_stays(void **state) {
    (void)state;
    memory_fail_nth(1, true);
    void *first = memory_try(1), *second = memory_try_aligned(1, 1);
    memory_fail_nth(0, false);
    assert_null(first);
    assert_null(second);
    void *after = memory_try(1);
    assert_non_null(after);
    memory_free(after);
}

static void test_a_failed_resize_keeps_the_block(void **state) {
    (void)state;
    char *block = memory_try(4);
    memcpy(block, "abc", 4);
    memory_fail_nth(1, false);
    assert_null(memory_try_resize(block, 1000, 1));
    memory_fail_nth(0, false);
    assert_string_equal(block, "abc");
    memory_free(block);
}

static void test_checked_arithmetic(void **state) {
    (void)state;
    size_t result;
    assert_true(size_add(1, 2, &result));
    assert_int_equal(result, 3);
    assert_false(size_add(SIZE_MAX, 1, &result));
    assert_true(size_multiply(SIZE_MAX / 4, 4, &result));
    assert_false(size_multiply(SIZE_MAX / 4 + 1, 4, &result));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overflowing_sizes_give_null),
        cmocka_unit_test(test_zero_sizes_give_a_block),
        cmocka_unit_test(test_aligned_blocks_are_aligned),
        cmocka_unit_test(test_the_nth_try_fails_once),
        cmocka_unit_test(test_a_sticky_failure_stays),
        cmocka_unit_test(test_a_failed_resize_keeps_the_block),
        cmocka_unit_test(test_checked_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
