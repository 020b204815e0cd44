// Four elements at a time; the last ones of a row through a small buffer. exp and erf as in
// elementwise_avx512.c: the polynomial of the Cephes library's expf, and formula 7.1.26 of
// Abramowitz and Stegun (error 1.5e-7).
#include <arm_neon.h>
#include <math.h>

#include "kernels/kernels_internal.h"

enum { LANES = 4 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// The first `count` of four lanes, zeros in the others.
ALWAYS_INLINE float32x4_t load_some(const float *from, size_t count) {
    if (count >= LANES) return vld1q_f32(from);
    float lanes[LANES] = {0};
    for (size_t i = 0; i < count; i++) lanes[i] = from[i];
    return vld1q_f32(lanes);
}

ALWAYS_INLINE void store_some(float *to, float32x4_t value, size_t count) {
    if (count >= LANES) {
        vst1q_f32(to, value);
        return;
    }
    float lanes[LANES];
    vst1q_f32(lanes, value);
    for (size_t i = 0; i < count; i++) to[i] = lanes[i];
}

// All bits set in the lanes that exist.
ALWAYS_INLINE uint32x4_t first_lanes(size_t count) {
    static const uint32_t numbers[LANES] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(numbers), vdupq_n_u32(count < LANES ? (uint32_t)count : LANES));
}

ALWAYS_INLINE float32x4_t only(float32x4_t value, uint32x4_t lanes) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), lanes));
}

ALWAYS_INLINE float32x4_t exponential(float32x4_t x) {
    // Below -87.3 the power of two is not a normal number: the result is 0. From 88.4 on it is
    // infinite. min and max keep NaNs.
    uint32x4_t is_zero = vcltq_f32(x, vdupq_n_f32(-87.3F));
    x = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-87.3F)), vdupq_n_f32(88.8F));
    float32x4_t n = vrndnq_f32(vmulq_f32(x, vdupq_n_f32((float)M_LOG2E)));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375F));
    r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4F));
    float32x4_t p = vdupq_n_f32(1.9875691500e-4F);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3F), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3F), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2F), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1F), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1F), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1)), p, vmulq_f32(r, r));
    int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
    float32x4_t result = vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
    return vbslq_f32(is_zero, vdupq_n_f32(0), result);
}

ALWAYS_INLINE float32x4_t error_function(float32x4_t x) {
    float32x4_t one = vdupq_n_f32(1);
    float32x4_t size = vabsq_f32(x);
    float32x4_t t = vdivq_f32(one, vfmaq_f32(one, size, vdupq_n_f32(0.3275911F)));
    float32x4_t p = vdupq_n_f32(1.061405429F);
    p = vfmaq_f32(vdupq_n_f32(-1.453152027F), p, t);
    p = vfmaq_f32(vdupq_n_f32(1.421413741F), p, t);
    p = vfmaq_f32(vdupq_n_f32(-0.284496736F), p, t);
    p = vfmaq_f32(vdupq_n_f32(0.254829592F), p, t);
    float32x4_t tail = exponential(vnegq_f32(vmulq_f32(size, size)));
    float32x4_t result = vfmsq_f32(one, vmulq_f32(p, t), tail);
    return vbslq_f32(vdupq_n_u32(0x80000000U), x, result);  // with the sign of x
}

ALWAYS_INLINE float32x4_t activate(const enum activation activation, float32x4_t x) {
    float32x4_t one = vdupq_n_f32(1);
    if (activation == ACTIVATION_GELU) {
        float32x4_t erf = error_function(vmulq_f32(x, vdupq_n_f32((float)M_SQRT1_2)));
        return vmulq_f32(vmulq_f32(x, vdupq_n_f32(0.5F)), vaddq_f32(erf, one));
    }
    if (activation == ACTIVATION_QUICK_GELU) {
        float32x4_t tail = exponential(vmulq_f32(x, vdupq_n_f32(-1.702F)));
        return vdivq_f32(x, vaddq_f32(tail, one));
    }
    return x;
}

void row_finish_neon(const float *sums, const float *bias, enum activation activation,
                     const float *residual, float *y, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        float32x4_t value = load_some(sums + i, count - i);
        if (bias != NULL) value = vaddq_f32(value, load_some(bias + i, count - i));
        value = activate(activation, value);
        if (residual != NULL) value = vaddq_f32(value, load_some(residual + i, count - i));
        store_some(y + i, value, count - i);
    }
}

void tile_finish_neon(const struct int8_tile *t) {
    for (size_t column = 0; column < t->columns; column += LANES) {
        size_t count = t->columns - column;
        int32x4_t weight_sums = vld1q_s32(t->weight_sums + column);
        float32x4_t weight_scales = vld1q_f32(t->weight_scales + column);
        float32x4_t bias = vdupq_n_f32(0);
        if (t->bias != NULL) bias = load_some(t->bias + column, count);
        for (size_t row = 0; row < t->rows; row++) {
            size_t at = row * t->y_stride + column;
            int32x4_t sum = vld1q_s32(t->sums + row * t->sums_stride + column);
            sum = vmlsq_n_s32(sum, weight_sums, t->zero_points[row]);
            float32x4_t scale = vmulq_n_f32(weight_scales, t->row_scales[row]);
            float32x4_t value = vmulq_f32(vcvtq_f32_s32(sum), scale);
            if (t->bias != NULL) value = vaddq_f32(value, bias);
            value = activate(t->activation, value);
            if (t->residual != NULL) value = vaddq_f32(value, load_some(t->residual + at, count));
            store_some(t->y + at, value, count);
        }
    }
}

float row_maximum_neon(const float *row, size_t count) {
    float32x4_t least = vdupq_n_f32(-INFINITY);
    float32x4_t maximum = least;
    for (size_t i = 0; i < count; i += LANES) {
        float32x4_t value = load_some(row + i, count - i);
        // maxnm: the number when the other is a NaN.
        maximum = vmaxnmq_f32(maximum, vbslq_f32(first_lanes(count - i), value, least));
    }
    return vmaxnmvq_f32(maximum);
}

float row_exponentiate_neon(float *row, float maximum, float scale, size_t count) {
    float32x4_t sum = vdupq_n_f32(0);
    for (size_t i = 0; i < count; i += LANES) {
        float32x4_t value = vsubq_f32(load_some(row + i, count - i), vdupq_n_f32(maximum));
        value = exponential(vmulq_n_f32(value, scale));
        store_some(row + i, value, count - i);
        sum = vaddq_f32(sum, only(value, first_lanes(count - i)));
    }
    return vaddvq_f32(sum);
}

void row_normalize_neon(const float *x, const float *gain, const float *bias, float epsilon,
                        float *y, size_t count) {
    float32x4_t sum = vdupq_n_f32(0);
    for (size_t i = 0; i < count; i += LANES) sum = vaddq_f32(sum, load_some(x + i, count - i));
    float32x4_t mean = vdupq_n_f32(vaddvq_f32(sum) / (float)count);
    float32x4_t squares = vdupq_n_f32(0);
    for (size_t i = 0; i < count; i += LANES) {
        float32x4_t value = vsubq_f32(load_some(x + i, count - i), mean);
        value = only(value, first_lanes(count - i));
        squares = vfmaq_f32(squares, value, value);
    }
    float factor = 1 / sqrtf(vaddvq_f32(squares) / (float)count + epsilon);
    for (size_t i = 0; i < count; i += LANES) {
        size_t left = count - i;
        float32x4_t value = vmulq_n_f32(vsubq_f32(load_some(x + i, left), mean), factor);
        value = vfmaq_f32(load_some(bias + i, left), value, load_some(gain + i, left));
        store_some(y + i, value, left);
    }
}

void row_widen_neon(const uint16_t *f16, size_t count, float *floats) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vst1q_f32(floats + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(f16 + i))));
    }
    if (i == count) return;
    uint16_t lanes[LANES] = {0};
    for (size_t j = i; j < count; j++) lanes[j - i] = f16[j];
    store_some(floats + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(lanes))), count - i);
}
