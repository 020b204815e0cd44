// Every tier of the codes' arithmetic against plain loops: all widths, the largest numbers, and
// pages that nobody may touch right behind the last byte.
#define _GNU_SOURCE
#include "kernels/codes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const struct code_kernels *kernels;  // of the tier under test

// `size` bytes that end where a forbidden page begins.
struct fenced {
    void *bytes;
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

static void check_sums(size_t bytes, bool is_largest, uint32_t *state) {
    size_t code_count = bytes * CODES_BLOCK_ROWS, entry_count = 2 * bytes * CODES_PATTERNS;
    struct fenced codes = fenced_create(code_count), tables = fenced_create(entry_count);
    struct fenced sums = fenced_create(CODES_BLOCK_ROWS * sizeof(uint16_t));
    uint8_t *code = codes.bytes, *entries = tables.bytes;
    uint16_t *sum = sums.bytes;
    for (size_t i = 0; i < code_count; i++) code[i] = (uint8_t)random_number(state);
    for (size_t i = 0; i < entry_count; i++)
        entries[i] = is_largest ? CODES_ENTRY_MAXIMUM
                                : (uint8_t)(random_number(state) % (CODES_ENTRY_MAXIMUM + 1));
    kernels->block_sum(code, entries, bytes, sum);
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row++) {
        unsigned expected = 0;
        for (size_t byte = 0; byte < bytes; byte++) {
            uint8_t of_row = code[byte * CODES_BLOCK_ROWS + row];
            expected += entries[2 * byte * CODES_PATTERNS + of_row % 16];
            expected += entries[(2 * byte + 1) * CODES_PATTERNS + of_row / 16];
        }
        if (sum[row] != expected)
            fail_msg("%zu bytes, row %zu: %u, not %u", bytes, row, sum[row], expected);
    }
    fenced_destroy(&codes);
    fenced_destroy(&tables);
    fenced_destroy(&sums);
}

static void sums_are_looked_up(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (size_t bytes = 0; bytes <= 256; bytes += 8) check_sums(bytes, bytes % 24 == 0, &seed);
    check_sums(CODES_WIDTH_MAXIMUM / 8, true, &seed);
}

static void check_selection(const uint16_t *sums, const float *factors, float step, float offset,
                            float least) {
    uint64_t selected = kernels->block_select(sums, factors, step, offset, least);
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row++) {
        float product = (float)sums[row] * step;
        bool expected = factors[row] * (product + offset) >= least;
        if ((selected >> row & 1) != expected)
            fail_msg("row %zu: %u, %g of at least %g", row, sums[row], factors[row], least);
    }
}

static void rows_are_selected(void **state) {
    (void)state;
    uint32_t seed = 2;
    struct fenced sums = fenced_create(CODES_BLOCK_ROWS * sizeof(uint16_t));
    struct fenced factors = fenced_create(CODES_BLOCK_ROWS * sizeof(float));
    uint16_t *sum = sums.bytes;
    float *factor = factors.bytes;
    for (int round = 0; round < 100; round++) {
        for (size_t row = 0; row < CODES_BLOCK_ROWS; row++) {
            sum[row] = (uint16_t)random_number(&seed);
            factor[row] = (float)(random_number(&seed) % 1000) / 1e5F;
        }
        check_selection(sum, factor, 0.01F, -300, (float)round / 50 - 1);
        check_selection(sum, factor, 0.01F, -300, -INFINITY);
        // Exactly as much as is asked for.
        check_selection(sum, factor, 0.5F, 1, factor[5] * ((float)sum[5] * 0.5F + 1));
    }
    sum[0] = 0;
    sum[63] = 65535;
    factor[1] = NAN;
    factor[2] = INFINITY;
    factor[3] = -INFINITY;
    check_selection(sum, factor, 1, 1, -INFINITY);
    check_selection(sum, factor, 1, -1, 0);
    check_selection(sum, factor, 1, 1, NAN);
    check_selection(sum, factor, 0, 0, 0);
    fenced_destroy(&sums);
    fenced_destroy(&factors);
}

static void check_product(size_t count, int8_t row_value, int16_t query_value, uint32_t *state) {
    struct fenced rows = fenced_create(count), queries = fenced_create(count * sizeof(int16_t));
    int8_t *row = rows.bytes;
    int16_t *query = queries.bytes;
    int64_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        row[i] = row_value != 0 ? row_value : (int8_t)(random_number(state) % 255 - 127);
        query[i] = query_value != 0 ? query_value : (int16_t)(random_number(state) % 4001 - 2000);
        expected += row[i] * query[i];
    }
    assert_int_equal(kernels->row_multiply(row, query, count), expected);
    fenced_destroy(&rows);
    fenced_destroy(&queries);
}

static void rows_are_multiplied(void **state) {
    (void)state;
    uint32_t seed = 3;
    for (size_t count = 0; count <= 1024; count += CODES_WIDTH_STEP)
        check_product(count, 0, 0, &seed);
    check_product(CODES_WIDTH_MAXIMUM, 0, 0, &seed);
    check_product(512, 127, 16383, &seed);
    check_product(512, -127, 16383, &seed);
    check_product(512, 127, -32768, &seed);
    check_product(CODES_WIDTH_MAXIMUM, -127, -2064, &seed);  // nearly 2^31
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_looked_up),
        cmocka_unit_test(rows_are_selected),
        cmocka_unit_test(rows_are_multiplied),
    };
    int failures = 0;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        const char *name = kernel_tier_name((enum kernel_tier)tier);
        kernels = code_kernels_of_tier((enum kernel_tier)tier);
        if (kernels == NULL || !cpu_supports((enum kernel_tier)tier)) {
            (void)printf("skipped: this processor has no %s\n", name);
            continue;
        }
        failures += cmocka_run_group_tests_name(name, tests, NULL, NULL);
    }
    return failures == 0 ? 0 : 1;
}
