// The reference for the other tiers, and what they hand the ends of rows to.
#include "kernels/resample_internal.h"

enum { LANES = 16 };  // a constant number, so that the compiler makes vectors of them

static uint8_t clipped(int32_t sum) {
    int32_t value = sum >> RESAMPLE_WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void rows_weigh_scalar(const uint8_t *rows, size_t stride, const int32_t *weights, size_t taps,
                       size_t count, uint8_t *out) {
    const int32_t half = 1 << (RESAMPLE_WEIGHT_BITS - 1);
    size_t at = 0;
    for (; at + LANES <= count; at += LANES) {
        int32_t sums[LANES];
        for (int lane = 0; lane < LANES; lane++) sums[lane] = half;
        for (size_t tap = 0; tap < taps; tap++) {
            const uint8_t *row = rows + tap * stride + at;
            int32_t weight = weights[tap];
            for (int lane = 0; lane < LANES; lane++) sums[lane] += weight * row[lane];
        }
        for (int lane = 0; lane < LANES; lane++) out[at + lane] = clipped(sums[lane]);
    }
    for (; at < count; at++) {
        int32_t sum = half;
        for (size_t tap = 0; tap < taps; tap++) sum += weights[tap] * rows[tap * stride + at];
        out[at] = clipped(sum);
    }
}

void matrix_turn_scalar(const uint8_t *from, size_t from_stride, size_t rows, size_t columns,
                        uint8_t *to, size_t to_stride) {
    for (size_t column = 0; column < columns; column++)
        for (size_t row = 0; row < rows; row++)
            to[column * to_stride + row] = from[row * from_stride + column];
}
