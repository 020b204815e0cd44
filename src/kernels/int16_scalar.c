// The truth for the other tiers, pair by pair.
#include <math.h>

#include "kernels/kernels_internal.h"

enum { COLUMNS = 8 };

static int32_t low_of(int32_t pair) { return (int16_t)(uint32_t)pair; }
static int32_t high_of(int32_t pair) { return (int16_t)((uint32_t)pair >> 16); }

void int16_multiply_scalar(const int16_t *x, size_t x_stride, size_t rows, const int32_t *panel,
                           size_t pairs, int32_t *sums, size_t sums_stride) {
    for (size_t row = 0; row < rows; row++) {
        int32_t *to = sums + row * sums_stride;
        for (size_t c = 0; c < COLUMNS; c++) to[c] = 0;
        for (size_t k = 0; k < pairs; k++) {
            const int16_t *of_x = x + row * x_stride + 2 * k;
            const int32_t *of_w = panel + k * COLUMNS;
            for (size_t c = 0; c < COLUMNS; c++)
                to[c] += of_x[0] * low_of(of_w[c]) + of_x[1] * high_of(of_w[c]);
        }
    }
}

void int16_peaks_scalar(const float *x, size_t rows, size_t x_stride, size_t count, float *peaks) {
    for (size_t i = 0; i < count; i++) {
        peaks[i] = 0;
        for (size_t row = 0; row < rows; row++) {
            float magnitude = fabsf(x[row * x_stride + i]);
            // A NaN is never smaller, and stays.
            peaks[i] = magnitude <= peaks[i] || isnan(peaks[i]) ? peaks[i] : magnitude;
        }
    }
}

static size_t padded(size_t count) { return (count + INT16_LANES - 1) / INT16_LANES * INT16_LANES; }

void int16_narrow_scalar(const float *x, float factor, size_t count, int16_t *narrow) {
    for (size_t i = 0; i < count; i++) narrow[i] = (int16_t)rintf(x[i] * factor);
    for (size_t i = count; i < padded(count); i++) narrow[i] = 0;
}

void int16_pair_scalar(const float *first, const float *second, const float *factors, size_t count,
                       int32_t *pairs) {
    for (size_t i = 0; i < count; i++) {
        uint32_t low = (uint32_t)(int32_t)rintf(first[i] * factors[i]) & 0xffff;
        uint32_t high = (uint32_t)(int32_t)rintf(second[i] * factors[i]);
        pairs[i] = (int32_t)(low | high << 16);
    }
}

int32_t int16_weigh_scalar(const int32_t *scores, size_t count, float factor, int16_t *weights) {
    int32_t maximum = INT32_MIN;
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) maximum = scores[i] > maximum ? scores[i] : maximum;
    for (size_t i = 0; i < count; i++) {
        float weight = exp2f((float)(scores[i] - maximum) * factor) * INT16_WEIGHT_ONE;
        weights[i] = (int16_t)rintf(weight);
        sum += weights[i];
    }
    for (size_t i = count; i < padded(count); i++) weights[i] = 0;
    return sum;
}
