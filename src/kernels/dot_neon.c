// Products with rows of w where they lie: tiles of up to 4 rows of x by 4 rows of w, each pair
// with a register of 4 partial sums that are added up at the end. Ends of rows go one by one.
#include <arm_neon.h>

#include "kernels/kernels_internal.h"

enum { ROWS = 4, OUTPUTS = 4, LANES = 4 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

float dot_neon(const float *a, const float *b, size_t count) {
    float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            sums[j] =
                vfmaq_f32(sums[j], vld1q_f32(a + i + j * LANES), vld1q_f32(b + i + j * LANES));
        }
    }
    float rest = 0;
    for (; i < count; i++) rest += a[i] * b[i];
    return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3]))) + rest;
}

void rows_add_neon(const float *weights, size_t rows, const float *w, size_t w_stride, size_t count,
                   float *sums) {
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        float32x4_t sum[4];
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) sum[j] = vld1q_f32(sums + i + j * LANES);
        for (size_t row = 0; row < rows; row++) {
#pragma GCC unroll 4
            for (size_t j = 0; j < 4; j++) {
                float32x4_t of_w = vld1q_f32(w + row * w_stride + i + j * LANES);
                sum[j] = vfmaq_n_f32(sum[j], of_w, weights[row]);
            }
        }
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) vst1q_f32(sums + i + j * LANES, sum[j]);
    }
    for (; i < count; i++) {
        for (size_t row = 0; row < rows; row++) sums[i] += weights[row] * w[row * w_stride + i];
    }
}

// One tile. Rows of w beyond `outputs` are read as copies of the last and not stored.
ALWAYS_INLINE void multiply_tile(const size_t rows, const float *x, size_t x_stride, const float *w,
                                 size_t w_stride, size_t outputs, size_t depth, float *sums,
                                 size_t sums_stride) {
    float32x4_t tile[ROWS][OUTPUTS];
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) tile[r][o] = vdupq_n_f32(0);
    }
    const float *of_w[OUTPUTS];
#pragma GCC unroll 4
    for (size_t o = 0; o < OUTPUTS; o++) {
        of_w[o] = w + (o < outputs ? o : outputs - 1) * w_stride;
    }
    size_t k = 0;
    for (; k + LANES <= depth; k += LANES) {
        float32x4_t of_x[ROWS];
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) of_x[r] = vld1q_f32(x + r * x_stride + k);
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) {
            float32x4_t four = vld1q_f32(of_w[o] + k);
#pragma GCC unroll 4
            for (size_t r = 0; r < rows; r++) tile[r][o] = vfmaq_f32(tile[r][o], of_x[r], four);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = 0; o < outputs; o++) {
            float sum = vaddvq_f32(tile[r][o]);
            for (size_t i = k; i < depth; i++) sum += x[r * x_stride + i] * of_w[o][i];
            sums[r * sums_stride + o] = sum;
        }
    }
}

void rows_multiply_neon(const float *x, size_t x_stride, size_t rows, const float *w,
                        size_t w_stride, size_t outputs, size_t depth, float *sums,
                        size_t sums_stride) {
    for (size_t output = 0; output < outputs; output += OUTPUTS) {
        size_t count = outputs - output < OUTPUTS ? outputs - output : OUTPUTS;
        const float *of_w = w + output * w_stride;
        size_t row = 0;
        for (; row + ROWS <= rows; row += ROWS) {
            multiply_tile(ROWS, x + row * x_stride, x_stride, of_w, w_stride, count, depth,
                          sums + row * sums_stride + output, sums_stride);
        }
        for (; row < rows; row++) {
            multiply_tile(1, x + row * x_stride, x_stride, of_w, w_stride, count, depth,
                          sums + row * sums_stride + output, sums_stride);
        }
    }
}
