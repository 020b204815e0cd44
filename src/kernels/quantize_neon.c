// Four elements at a time, the last ones of a row one by one; the bytes are those of
// quantize_scalar.c.
#include <arm_neon.h>
#include <float.h>

#include "kernels/kernels_internal.h"

enum { LANES = 4 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE float32x4_t load(const float *x, const float *input_scale, size_t i) {
    float32x4_t value = vld1q_f32(x + i);
    return input_scale == NULL ? value : vmulq_f32(value, vld1q_f32(input_scale + i));
}

ALWAYS_INLINE float load_one(const float *x, const float *input_scale, size_t i) {
    return input_scale == NULL ? x[i] : x[i] * input_scale[i];
}

bool row_range_neon(const float *x, const float *input_scale, size_t count, float *low,
                    float *high) {
    float32x4_t smallest = vdupq_n_f32(0);
    float32x4_t largest = vdupq_n_f32(0);
    size_t i = 0;
    // These keep a NaN once they have met one.
    for (; i + LANES <= count; i += LANES) {
        float32x4_t value = load(x, input_scale, i);
        smallest = vminq_f32(smallest, value);
        largest = vmaxq_f32(largest, value);
    }
    float least = vminvq_f32(smallest);
    float most = vmaxvq_f32(largest);
    bool is_finite = least >= -FLT_MAX && most <= FLT_MAX;
    for (; i < count; i++) {
        float value = load_one(x, input_scale, i);
        least = value < least ? value : least;
        most = value > most ? value : most;
        is_finite &= value >= -FLT_MAX && value <= FLT_MAX;
    }
    *low = least;
    *high = most;
    return is_finite;
}

ALWAYS_INLINE int16x4_t quantize(float32x4_t value, float inverse_scale, int32x4_t zero) {
    int32x4_t rounded = vcvtnq_s32_f32(vmulq_n_f32(value, inverse_scale));
    return vqmovn_s32(vaddq_s32(rounded, zero));
}

void row_quantize_neon(const float *x, const float *input_scale, float inverse_scale,
                       int32_t zero_point, size_t count, uint8_t *bytes) {
    int32x4_t zero = vdupq_n_s32(zero_point);
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        int16x4_t first = quantize(load(x, input_scale, i), inverse_scale, zero);
        int16x4_t second = quantize(load(x, input_scale, i + LANES), inverse_scale, zero);
        vst1_u8(bytes + i, vqmovun_s16(vcombine_s16(first, second)));  // cut to 0 … 255
    }
    for (; i < count; i++) {
        int32_t byte = vcvtns_s32_f32(load_one(x, input_scale, i) * inverse_scale) + zero_point;
        bytes[i] = (uint8_t)(byte < 0 ? 0 : byte > UINT8_MAX ? UINT8_MAX : byte);
    }
    for (; i % WEIGHT_INT8_INPUTS != 0; i++) bytes[i] = 0;
}
