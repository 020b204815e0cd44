// What the kernels' tests use of cmocka, for processors that Debian has a cross compiler but no
// cmocka for (tools/test_neon.sh). The first failure ends the program.
#pragma once

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*function)(void **state);
};
#define cmocka_unit_test(function) \
    { #function, function }

#define fail_msg(...)                                         \
    do {                                                      \
        (void)fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        (void)fprintf(stderr, __VA_ARGS__);                   \
        (void)fprintf(stderr, "\n");                          \
        exit(1);                                              \
    } while (0)

#define assert_true(claim)                            \
    do {                                              \
        if (!(claim)) fail_msg("not so: %s", #claim); \
    } while (0)
#define assert_false(claim) assert_true(!(claim))
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_ptr_equal(a, b) assert_true((a) == (b))
#define assert_ptr_not_equal(a, b) assert_true((a) != (b))
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)
#define assert_int_equal(a, b)                                                         \
    do {                                                                               \
        intmax_t left = (intmax_t)(a);                                                 \
        intmax_t right = (intmax_t)(b);                                                \
        if (left != right) fail_msg("%s: %" PRIdMAX " != %" PRIdMAX, #a, left, right); \
    } while (0)

#define cmocka_run_group_tests_name(group, tests, setup, teardown) \
    run_tests(group, tests, sizeof(tests) / sizeof((tests)[0]))
#define cmocka_run_group_tests(tests, setup, teardown) \
    cmocka_run_group_tests_name("tests", tests, setup, teardown)

static inline int run_tests(const char *group, const struct CMUnitTest *tests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        void *state = NULL;
        tests[i].function(&state);
        (void)printf("%s: %s passed\n", group, tests[i].name);
    }
    return 0;
}
