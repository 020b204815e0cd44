// Every tier of kernels that this processor can run, against plain sums in double precision.
// With --bench [tier [threads]] it measures instead.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tier_tests.h"

struct compute *test_computes[TEST_COMPUTES];

void assert_close(double actual, double expected, double tolerance, const char *what, size_t row,
                  size_t column) {
    if (fabs(actual - expected) <= tolerance || (isnan(actual) && isnan(expected))) return;
    fail_msg("%s at [%zu, %zu]: %.9g, expected %.9g ± %.2g", what, row, column, actual, expected,
             tolerance);
}

static void test_choice(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(compute_create("mmx", 1, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "\"mmx\""));
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        err = (struct error){0};
        struct compute *compute = compute_create(kernel_tier_name((enum kernel_tier)tier), 1, &err);
        assert_int_equal(compute != NULL, cpu_supports((enum kernel_tier)tier));
        if (compute == NULL) assert_int_equal(err.kind, ERROR_UNSUPPORTED);
        if (compute != NULL) assert_int_equal(compute_tier(compute), tier);
        compute_destroy(compute);
    }
    assert_int_equal(setenv("IMGROUTER_KERNELS", "scalar", 1), 0);
    struct compute *compute = compute_create(NULL, 2, &err);
    assert_int_equal(compute_tier(compute), KERNEL_SCALAR);
    assert_int_equal(compute_threads(compute), 2);
    compute_destroy(compute);
    assert_int_equal(unsetenv("IMGROUTER_KERNELS"), 0);
    compute = compute_create("auto", 0, &err);
    assert_non_null(compute);
    assert_true(compute_threads(compute) >= 1);
    compute_destroy(compute);
    compute_destroy(NULL);
    assert_true(strlen(cpu_name()) > 0);
}

static const struct CMUnitTest choice_tests[] = {cmocka_unit_test(test_choice)};

static const struct CMUnitTest tier_tests[] = {
    cmocka_unit_test(test_linear_sizes),
    cmocka_unit_test(test_linear_strides_and_alignment),
    cmocka_unit_test(test_linear_epilogues),
    cmocka_unit_test(test_linear_f16),
    cmocka_unit_test(test_f16_numbers),
    cmocka_unit_test(test_linear_many_inputs),
    cmocka_unit_test(test_linear_extremes),
    cmocka_unit_test(test_linear_threads_agree),
    cmocka_unit_test(test_int8_packing),
    cmocka_unit_test(test_int8_rows),
    cmocka_unit_test(test_int8_sizes),
    cmocka_unit_test(test_int8_epilogues),
    cmocka_unit_test(test_int8_largest_sums),
    cmocka_unit_test(test_int8_extremes),
    cmocka_unit_test(test_int8_is_close_to_f32),
    cmocka_unit_test(test_int8_threads_agree),
    cmocka_unit_test(test_attention_sizes),
    cmocka_unit_test(test_attention_causal),
    cmocka_unit_test(test_attention_strides),
    cmocka_unit_test(test_attention_large_scores),
    cmocka_unit_test(test_attention_threads_agree),
    cmocka_unit_test(test_attention_narrow),
    cmocka_unit_test(test_attention_narrow_zeros),
    cmocka_unit_test(test_attention_narrow_not_finite),
    cmocka_unit_test(test_layer_norm),
    cmocka_unit_test(test_dot),
    cmocka_unit_test(test_dot_rows),
    cmocka_unit_test(test_normalize),
    cmocka_unit_test(test_argmax_softmax),
    cmocka_unit_test(test_argmax_softmax_not_finite),
    cmocka_unit_test(test_activations_everywhere),
};

static int test_tier(enum kernel_tier tier) {
    const char *name = kernel_tier_name(tier);
    if (!cpu_supports(tier)) {
        (void)printf("skipped: this processor has no %s\n", name);
        return 0;
    }
    for (size_t i = 0; i < TEST_COMPUTES; i++) test_computes[i] = compute_create(name, i + 1, NULL);
    int failures = cmocka_run_group_tests_name(name, tier_tests, NULL, NULL);
    for (size_t i = 0; i < TEST_COMPUTES; i++) compute_destroy(test_computes[i]);
    return failures;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
        struct error err = {0};
        size_t threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
        struct compute *compute = compute_create(argc > 2 ? argv[2] : "auto", threads, &err);
        if (compute == NULL) {
            (void)fprintf(stderr, "%s\n", err.text);
            return 2;
        }
        bench_kernels(compute);
        compute_destroy(compute);
        return 0;
    }
    int failures = cmocka_run_group_tests_name("choice", choice_tests, NULL, NULL);
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++)
        failures += test_tier((enum kernel_tier)tier);
    return failures == 0 ? 0 : 1;
}
