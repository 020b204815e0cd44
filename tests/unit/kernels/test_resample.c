// Every tier of the resize's arithmetic against plain loops: all lengths, all alignments, values
// that overshoot both ends, and pages that nobody may touch right behind the last byte.
#define _GNU_SOURCE
#include "kernels/resample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const struct resample_kernels *kernels;  // of the tier under test

// `size` bytes that end where a forbidden page begins.
struct fenced {
    uint8_t *bytes;
    void *mapping;
    size_t mapping_size;
};

static struct fenced fenced_create(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (size + page - 1) / page * page;
    struct fenced fenced = {.mapping_size = inner + page};
    fenced.mapping =
        mmap(NULL, fenced.mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(fenced.mapping, MAP_FAILED);
    assert_int_equal(mprotect((uint8_t *)fenced.mapping + inner, page, PROT_NONE), 0);
    fenced.bytes = (uint8_t *)fenced.mapping + inner - size;
    return fenced;
}

static void fenced_destroy(struct fenced *fenced) {
    assert_int_equal(munmap(fenced->mapping, fenced->mapping_size), 0);
}

static uint32_t random_number(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    return *state >> 8;
}

static void fill(struct fenced *fenced, size_t size, uint32_t *state) {
    for (size_t i = 0; i < size; i++) fenced->bytes[i] = (uint8_t)random_number(state);
}

// Weights that add up to one, some of them negative; a large first one makes sums overshoot.
static void draw_weights(int32_t *weights, size_t taps, uint32_t *state) {
    int32_t rest = 1 << RESAMPLE_WEIGHT_BITS;
    for (size_t tap = 0; tap + 1 < taps; tap++) {
        int32_t range = (1 << RESAMPLE_WEIGHT_BITS) / (int32_t)taps;
        weights[tap] = (int32_t)(random_number(state) % (uint32_t)range) - range / 4;
        rest -= weights[tap];
    }
    weights[taps - 1] = rest;
}

static uint8_t expected_byte(const uint8_t *rows, size_t stride, const int32_t *weights,
                             size_t taps, size_t at) {
    int64_t sum = 1 << (RESAMPLE_WEIGHT_BITS - 1);
    for (size_t tap = 0; tap < taps; tap++) sum += (int64_t)weights[tap] * rows[tap * stride + at];
    sum >>= RESAMPLE_WEIGHT_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void check_weighing(size_t taps, size_t count, size_t stride, uint32_t *state) {
    size_t size = (taps - 1) * stride + count;
    struct fenced rows = fenced_create(size), weights = fenced_create(taps * sizeof(int32_t));
    // One byte of room in front shows writing too early.
    struct fenced out = fenced_create(count + 1);
    fill(&rows, size, state);
    draw_weights((int32_t *)weights.bytes, taps, state);
    out.bytes[0] = 77;
    kernels->rows_weigh(rows.bytes, stride, (const int32_t *)weights.bytes, taps, count,
                        out.bytes + 1);
    assert_int_equal(out.bytes[0], 77);
    for (size_t i = 0; i < count; i++) {
        uint8_t expected =
            expected_byte(rows.bytes, stride, (const int32_t *)weights.bytes, taps, i);
        if (out.bytes[i + 1] != expected)
            fail_msg("%zu taps, byte %zu of %zu: %d, not %d", taps, i, count, out.bytes[i + 1],
                     expected);
    }
    fenced_destroy(&rows);
    fenced_destroy(&weights);
    fenced_destroy(&out);
}

static void rows_are_weighed(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (size_t count = 0; count <= 200; count++)
        for (size_t taps = 1; taps <= 9; taps += 2)
            check_weighing(taps, count, count + taps % 3, &seed);
    check_weighing(1000, 1152, 1152, &seed);
    check_weighing(5, 12001, 12001, &seed);
}

// A weight of one and a half on white, and of minus a half.
static void sums_are_clipped(void **state) {
    (void)state;
    enum { COUNT = 77 };
    static const int32_t one = 1 << RESAMPLE_WEIGHT_BITS;
    uint8_t rows[2][COUNT], out[COUNT];
    memset(rows[0], 255, COUNT);
    memset(rows[1], 0, COUNT);
    kernels->rows_weigh(rows[0], COUNT, (const int32_t[]){one + one / 2, -one / 2}, 2, COUNT, out);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(out[i], 255);
    kernels->rows_weigh(rows[0], COUNT, (const int32_t[]){-one / 2, one + one / 2}, 2, COUNT, out);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(out[i], 0);
    kernels->rows_weigh(rows[0], COUNT, (const int32_t[]){one, 0}, 2, COUNT, out);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(out[i], 255);
}

static void check_turning(size_t rows, size_t columns, uint32_t *state) {
    size_t from_stride = columns + rows % 2, to_stride = rows + columns % 3;
    struct fenced from = fenced_create(rows == 0 ? 0 : (rows - 1) * from_stride + columns);
    struct fenced to = fenced_create(columns == 0 ? 0 : (columns - 1) * to_stride + rows);
    size_t from_size = rows == 0 ? 0 : (rows - 1) * from_stride + columns;
    size_t to_size = columns == 0 ? 0 : (columns - 1) * to_stride + rows;
    fill(&from, from_size, state);
    memset(to.bytes, 77, to_size);
    kernels->matrix_turn(from.bytes, from_stride, rows, columns, to.bytes, to_stride);
    for (size_t i = 0; i < to_size; i++) {
        size_t column = i / to_stride, row = i % to_stride;
        int expected = row < rows ? from.bytes[row * from_stride + column] : 77;
        if (to.bytes[i] != expected)
            fail_msg("%zu x %zu: row %zu, column %zu is %d, not %d", rows, columns, row, column,
                     to.bytes[i], expected);
    }
    fenced_destroy(&from);
    fenced_destroy(&to);
}

static void matrices_are_turned(void **state) {
    (void)state;
    uint32_t seed = 2;
    static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 48, 100};
    for (size_t r = 0; r < sizeof sizes / sizeof sizes[0]; r++)
        for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++)
            check_turning(sizes[r], sizes[c], &seed);
    check_turning(16, 12000, &seed);
    check_turning(1152, 16, &seed);
}

static void the_tier_can_be_chosen(void **state) {
    (void)state;
    const struct resample_kernels *first = resample_kernels();
    assert_non_null(first);
    resample_use_tier(KERNEL_SCALAR);
    assert_ptr_equal(resample_kernels(), resample_kernels_of_tier(KERNEL_SCALAR));
}

int main(void) {
    const struct CMUnitTest choice_tests[] = {cmocka_unit_test(the_tier_can_be_chosen)};
    const struct CMUnitTest tier_tests[] = {
        cmocka_unit_test(rows_are_weighed),
        cmocka_unit_test(sums_are_clipped),
        cmocka_unit_test(matrices_are_turned),
    };
    int failures = cmocka_run_group_tests_name("choice", choice_tests, NULL, NULL);
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        const char *name = kernel_tier_name((enum kernel_tier)tier);
        kernels = resample_kernels_of_tier((enum kernel_tier)tier);
        if (kernels == NULL || !cpu_supports((enum kernel_tier)tier)) {
            (void)printf("skipped: this processor has no %s\n", name);
            continue;
        }
        failures += cmocka_run_group_tests_name(name, tier_tests, NULL, NULL);
    }
    return failures == 0 ? 0 : 1;
}
