// Eight sums side by side, so that the compiler can use the SSE2 registers without changing the
// order of the additions.
#include "kernels/kernels_internal.h"

enum { LANES = 8 };

float dot_scalar(const float *a, const float *b, size_t count) {
    float sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) sums[lane] += a[i + lane] * b[i + lane];
    }
    float rest = 0;
    for (; i < count; i++) rest += a[i] * b[i];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest;
}

void rows_multiply_scalar(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride) {
    for (size_t output = 0; output < outputs; output++) {
        for (size_t row = 0; row < rows; row++) {
            sums[row * sums_stride + output] =
                dot_scalar(x + row * x_stride, w + output * w_stride, depth);
        }
    }
}

void rows_add_scalar(const float *weights, size_t rows, const float *w, size_t w_stride,
                     size_t count, float *sums) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < count; i++) sums[i] += weights[row] * w[row * w_stride + i];
    }
}
