// The reference of the other tiers.
#include "kernels/codes_internal.h"

void block_sum_scalar(const uint8_t *codes, const uint8_t *tables, size_t bytes,
                      uint16_t sums[static CODES_BLOCK_ROWS]) {
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row++) sums[row] = 0;
    for (size_t byte = 0; byte < bytes; byte++, codes += CODES_BLOCK_ROWS) {
        const uint8_t *low = tables + 2 * byte * CODES_PATTERNS;
        const uint8_t *high = low + CODES_PATTERNS;
        for (size_t row = 0; row < CODES_BLOCK_ROWS; row++)
            sums[row] = (uint16_t)(sums[row] + low[codes[row] & 15] + high[codes[row] >> 4]);
    }
}

uint64_t block_select_scalar(const uint16_t sums[static CODES_BLOCK_ROWS],
                             const float factors[static CODES_BLOCK_ROWS], float step, float offset,
                             float least) {
    uint64_t selected = 0;
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row++) {
        float product = (float)sums[row] * step;
        if (factors[row] * (product + offset) >= least) selected |= UINT64_C(1) << row;
    }
    return selected;
}

int32_t row_multiply_scalar(const int8_t *row, const int16_t *query, size_t count) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += row[i] * query[i];
    return sum;
}
