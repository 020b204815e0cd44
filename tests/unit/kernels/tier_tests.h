// What the files of this program share: each tests one part on the tier under test.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/kernels.h"

// Fails, naming the case, unless the value is within the tolerance or both are NaN.
void assert_close(double actual, double expected, double tolerance, const char *what, size_t row,
                  size_t column);

// The tier under test with 1, 2 and 3 threads: index 0, 1, 2.
enum { TEST_COMPUTES = 3 };
extern struct compute *test_computes[TEST_COMPUTES];

void test_linear_sizes(void **state);
void test_linear_strides_and_alignment(void **state);
void test_linear_epilogues(void **state);
void test_linear_f16(void **state);
void test_f16_numbers(void **state);
void test_linear_many_inputs(void **state);
void test_linear_extremes(void **state);
void test_linear_threads_agree(void **state);

void test_int8_packing(void **state);
void test_int8_rows(void **state);
void test_int8_sizes(void **state);
void test_int8_epilogues(void **state);
void test_int8_largest_sums(void **state);
void test_int8_extremes(void **state);
void test_int8_is_close_to_f32(void **state);
void test_int8_threads_agree(void **state);

void test_attention_sizes(void **state);
void test_attention_causal(void **state);
void test_attention_strides(void **state);
void test_attention_large_scores(void **state);
void test_attention_threads_agree(void **state);
void test_attention_narrow(void **state);
void test_attention_narrow_zeros(void **state);
void test_attention_narrow_not_finite(void **state);

void test_layer_norm(void **state);
void test_dot(void **state);
void test_dot_rows(void **state);
void test_normalize(void **state);
void test_argmax_softmax(void **state);
void test_argmax_softmax_not_finite(void **state);
void test_activations_everywhere(void **state);

// Prints a table of shapes with their times and GFLOP/s or GB/s.
void bench_kernels(struct compute *compute);
