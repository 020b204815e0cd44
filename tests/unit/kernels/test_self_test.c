// Tiers with one function that is wrong: the self-test names what it spoils, and the next lower
// tier is taken in its place.
#include "kernels/self_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// The tier that the wrong functions below spoil.
static const struct kernels *unspoilt;

static void panel_pack(const float *w, size_t w_stride, size_t columns, size_t depth,
                       float *panel) {
    unspoilt->panel_pack(w, w_stride, columns, depth, panel);
    panel[columns - 1] = 0;
}

static void panel_multiply(const float *x, size_t x_stride, size_t rows, const float *panel,
                           size_t depth, bool is_accumulating, struct ahead ahead, float *sums,
                           size_t sums_stride) {
    unspoilt->panel_multiply(x, x_stride, rows, panel, depth - 1, is_accumulating, ahead, sums,
                             sums_stride);
}

static void rows_multiply(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride) {
    unspoilt->rows_multiply(x, x_stride, rows, w, w_stride, outputs, depth, sums, sums_stride);
    sums[outputs - 1] += 0.001f;
}

static float dot(const float *a, const float *b, size_t count) {
    return unspoilt->dot(a, b, count - 1);
}

static void row_finish(const float *sums, const float *bias, enum activation activation,
                       const float *residual, float *y, size_t count) {
    unspoilt->row_finish(sums, bias,
                         activation == ACTIVATION_QUICK_GELU ? ACTIVATION_GELU : activation,
                         residual, y, count);
}

static float row_maximum(const float *row, size_t count) {
    return unspoilt->row_maximum(row, count) + 1000;
}

static float row_exponentiate(float *row, float maximum, float scale, size_t count) {
    return unspoilt->row_exponentiate(row, maximum, scale, count) * 1.01f;
}

// As choosing a token calls it, not attention.
static float row_exponentiate_unscaled(float *row, float maximum, float scale, size_t count) {
    float sum = unspoilt->row_exponentiate(row, maximum, scale, count);
    return scale == 1 ? sum * 1.01f : sum;
}

static void row_normalize(const float *x, const float *gain, const float *bias, float epsilon,
                          float *y, size_t count) {
    unspoilt->row_normalize(x, gain, bias, epsilon + 0.01f, y, count);
}

static void row_widen(const uint16_t *f16, size_t count, float *floats) {
    unspoilt->row_widen(f16, count, floats);
    floats[count - 1] = -floats[count - 1];
}

static bool row_range(const float *x, const float *input_scale, size_t count, float *low,
                      float *high) {
    bool is_finite = unspoilt->row_range(x, input_scale, count, low, high);
    *high *= 0.9f;
    return is_finite;
}

static void row_quantize(const float *x, const float *input_scale, float inverse_scale,
                         int32_t zero_point, size_t count, uint8_t *bytes) {
    unspoilt->row_quantize(x, input_scale, inverse_scale, zero_point, count, bytes);
    bytes[count - 1] ^= 1;
}

static void int8_multiply(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                          size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                          size_t sums_stride) {
    unspoilt->int8_multiply(x, x_stride, rows, w, depth, blocks, ahead, sums, sums_stride);
    sums[0] += 1;
}

// As tiles of few rows are not.
static void int8_multiply_whole_tiles(const uint8_t *x, size_t x_stride, size_t rows,
                                      const int8_t *w, size_t depth, size_t blocks,
                                      struct ahead ahead, int32_t *sums, size_t sums_stride) {
    unspoilt->int8_multiply(x, x_stride, rows, w, depth, blocks, ahead, sums, sums_stride);
    if (rows == unspoilt->int8_rows) sums[0] += 1;
}

static void tile_finish(const struct int8_tile *tile) {
    struct int8_tile wrong = *tile;
    wrong.bias = NULL;
    unspoilt->tile_finish(&wrong);
}

static void rows_add(const float *weights, size_t rows, const float *w, size_t w_stride,
                     size_t count, float *sums) {
    unspoilt->rows_add(weights, rows - 1, w, w_stride, count, sums);
}

static void int16_peaks(const float *x, size_t rows, size_t x_stride, size_t count, float *peaks) {
    unspoilt->int16.peaks(x, rows, x_stride, count, peaks);
    peaks[count - 1] = 0;
}

static void int16_multiply(const int16_t *x, size_t x_stride, size_t rows, const int32_t *panel,
                           size_t pairs, int32_t *sums, size_t sums_stride) {
    unspoilt->int16.multiply(x, x_stride, rows, panel, pairs - 1, sums, sums_stride);
}

static void int16_narrow(const float *x, float factor, size_t count, int16_t *narrow) {
    unspoilt->int16.narrow(x, factor, count, narrow);
    narrow[count - 1] = 0;
}

static void int16_pair(const float *first, const float *second, const float *factors, size_t count,
                       int32_t *pairs) {
    unspoilt->int16.pair(second, first, factors, count, pairs);
}

static int32_t int16_weigh(const int32_t *scores, size_t count, float factor, int16_t *weights) {
    return unspoilt->int16.weigh(scores, count, factor, weights) * 2;
}

#define WRONG(member, function) offsetof(struct kernels, member), (void (*)(void))(function)

static const struct {
    const char *operation;
    size_t offset;  // of the one that is replaced
    void (*wrong)(void);
} cases[] = {
    {"many rows times f32 weights", WRONG(panel_pack, panel_pack)},
    {"many rows times f32 weights", WRONG(panel_multiply, panel_multiply)},
    {"few rows times f32 weights", WRONG(rows_multiply, rows_multiply)},
    {"dot products", WRONG(dot, dot)},
    {"few rows times f32 weights", WRONG(row_finish, row_finish)},
    {"attention of one query", WRONG(row_maximum, row_maximum)},
    {"attention of one query", WRONG(row_exponentiate, row_exponentiate)},
    {"the choice of a token", WRONG(row_exponentiate, row_exponentiate_unscaled)},
    {"layer norm", WRONG(row_normalize, row_normalize)},
    {"few rows times f16 weights", WRONG(row_widen, row_widen)},
    {"few rows times int8 weights", WRONG(row_range, row_range)},
    {"few rows times int8 weights", WRONG(row_quantize, row_quantize)},
    {"few rows times int8 weights", WRONG(int8_multiply, int8_multiply)},
    {"many rows times int8 weights", WRONG(int8_multiply, int8_multiply_whole_tiles)},
    {"few rows times int8 weights", WRONG(tile_finish, tile_finish)},
    {"attention of one query", WRONG(rows_add, rows_add)},
    {"attention in 16 bits", WRONG(int16.peaks, int16_peaks)},
    {"attention in 16 bits", WRONG(int16.multiply, int16_multiply)},
    {"attention in 16 bits", WRONG(int16.narrow, int16_narrow)},
    {"attention in 16 bits", WRONG(int16.pair, int16_pair)},
    {"attention in 16 bits", WRONG(int16.weigh, int16_weigh)},
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static void test_every_tier_passes(void **state) {
    (void)state;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        if (!cpu_supports((enum kernel_tier)tier)) continue;
        const char *name = kernel_tier_name((enum kernel_tier)tier), *operation;
        struct compute *compute = compute_create(name, 2, NULL);
        assert_non_null(compute);
        assert_true(self_test_compute(compute, &operation));
        assert_true(
            self_test_resample(resample_kernels_of_tier((enum kernel_tier)tier), &operation));
        assert_true(self_test_codes(code_kernels_of_tier((enum kernel_tier)tier), &operation));
        assert_null(compute_failed_tier(compute));
        compute_destroy(compute);
    }
}

static void test_what_is_wrong_is_named(void **state) {
    (void)state;
    struct compute *compute = compute_create("scalar", 2, NULL);
    unspoilt = compute->kernels;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct kernels spoilt = *unspoilt;
        const char *operation;
        memcpy((char *)&spoilt + cases[i].offset, &cases[i].wrong, sizeof cases[i].wrong);
        compute->kernels = &spoilt;
        if (self_test_compute(compute, &operation)) fail_msg("case %zu passes", i);
        if (strcmp(operation, cases[i].operation) != 0)
            fail_msg("case %zu: %s, not %s", i, operation, cases[i].operation);
    }
    compute_destroy(compute);
}

static void rows_weigh(const uint8_t *rows, size_t stride, const int32_t *weights, size_t taps,
                       size_t count, uint8_t *out) {
    resample_kernels_of_tier(KERNEL_SCALAR)->rows_weigh(rows, stride, weights, taps, count, out);
    out[count - 1] ^= 1;
}

static void matrix_turn(const uint8_t *from, size_t from_stride, size_t rows, size_t columns,
                        uint8_t *to, size_t to_stride) {
    resample_kernels_of_tier(KERNEL_SCALAR)
        ->matrix_turn(from, from_stride, rows, columns - 1, to, to_stride);
}

static void test_wrong_resampling_is_named(void **state) {
    (void)state;
    struct resample_kernels spoilt = *resample_kernels_of_tier(KERNEL_SCALAR);
    const char *operation;
    spoilt.matrix_turn = matrix_turn;
    assert_false(self_test_resample(&spoilt, &operation));
    assert_true(strcmp(operation, "turning a picture") == 0);
    spoilt.rows_weigh = rows_weigh;
    assert_false(self_test_resample(&spoilt, &operation));
    assert_true(strcmp(operation, "weighing rows of a picture") == 0);
}

static void block_sum(const uint8_t *codes, const uint8_t *tables, size_t bytes,
                      uint16_t sums[static CODES_BLOCK_ROWS]) {
    code_kernels_of_tier(KERNEL_SCALAR)->block_sum(codes, tables, bytes - 8, sums);
}

static uint64_t block_select(const uint16_t sums[static CODES_BLOCK_ROWS],
                             const float factors[static CODES_BLOCK_ROWS], float step, float offset,
                             float least) {
    return code_kernels_of_tier(KERNEL_SCALAR)
        ->block_select(sums, factors, step, offset, least * 1.1f);
}

static int32_t row_multiply(const int8_t *row, const int16_t *query, size_t count) {
    return code_kernels_of_tier(KERNEL_SCALAR)->row_multiply(row, query, count) + 1;
}

static void test_wrong_codes_are_named(void **state) {
    (void)state;
    struct code_kernels spoilt = *code_kernels_of_tier(KERNEL_SCALAR);
    const char *operation;
    spoilt.row_multiply = row_multiply;
    assert_false(self_test_codes(&spoilt, &operation));
    assert_true(strcmp(operation, "products of vectors' bytes") == 0);
    spoilt.block_select = block_select;
    assert_false(self_test_codes(&spoilt, &operation));
    assert_true(strcmp(operation, "choosing among vectors") == 0);
    spoilt.block_sum = block_sum;
    assert_false(self_test_codes(&spoilt, &operation));
    assert_true(strcmp(operation, "adding up codes of vectors") == 0);
}

// A compute whose tier is the best there is, and wrong.
static struct compute *spoilt_compute(struct kernels *spoilt) {
    struct compute *compute = compute_create("auto", 2, NULL);
    assert_non_null(compute);
    unspoilt = compute->kernels;
    *spoilt = *unspoilt;
    spoilt->dot = dot;
    compute->kernels = spoilt;
    return compute;
}

static void test_the_next_lower_tier_takes_over(void **state) {
    (void)state;
    struct kernels spoilt;
    struct error err = {0};
    struct compute *compute = spoilt_compute(&spoilt);
    enum kernel_tier best = compute_tier(compute);
    if (best == KERNEL_SCALAR) {  // tested below
        compute_destroy(compute);
        return;
    }
    assert_true(compute_prove(compute, false, &err));
    enum kernel_tier taken = compute_tier(compute);
    assert_true(taken < best && cpu_supports(taken));
    for (int tier = (int)taken + 1; tier < (int)best; tier++)
        assert_true(!cpu_supports((enum kernel_tier)tier) ||
                    kernels_of_tier((enum kernel_tier)tier) == NULL);
    assert_ptr_equal(compute->kernels, kernels_of_tier(taken));
    assert_ptr_equal(compute_failed_tier(compute), kernel_tier_name(best));
    assert_true(compute_prove(compute, false, &err));  // nothing more to change
    assert_int_equal(compute_tier(compute), taken);
    compute_destroy(compute);
}

static void test_a_named_tier_is_not_changed(void **state) {
    (void)state;
    struct kernels spoilt;
    struct error err = {0};
    struct compute *compute = spoilt_compute(&spoilt);
    enum kernel_tier best = compute_tier(compute);
    assert_false(compute_prove(compute, true, &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, kernel_tier_name(best)));
    assert_non_null(strstr(err.text, "dot products"));
    assert_non_null(strstr(err.text, "IMGROUTER_KERNELS=auto"));
    assert_int_equal(compute_tier(compute), best);
    compute_destroy(compute);
}

static void test_no_tier_below_scalar(void **state) {
    (void)state;
    struct kernels spoilt;
    struct error err = {0};
    struct compute *compute = spoilt_compute(&spoilt);
    compute->tier = KERNEL_SCALAR;
    assert_false(compute_prove(compute, false, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "dot products"));
    compute_destroy(compute);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tier_passes),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_wrong_resampling_is_named),
        cmocka_unit_test(test_wrong_codes_are_named),
        cmocka_unit_test(test_the_next_lower_tier_takes_over),
        cmocka_unit_test(test_a_named_tier_is_not_changed),
        cmocka_unit_test(test_no_tier_below_scalar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
