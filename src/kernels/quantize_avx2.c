// Eight elements at a time, the last ones of a row one by one; the bytes are those of
// quantize_scalar.c.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum { LANES = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256 load(const float *x, const float *input_scale, size_t i) {
    __m256 value = _mm256_loadu_ps(x + i);
    if (input_scale == NULL) return value;
    return _mm256_mul_ps(value, _mm256_loadu_ps(input_scale + i));
}

ALWAYS_INLINE float load_one(const float *x, const float *input_scale, size_t i) {
    return input_scale == NULL ? x[i] : x[i] * input_scale[i];
}

ALWAYS_INLINE float largest_of(__m256 eight) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

ALWAYS_INLINE bool range(const float *x, const float *input_scale, size_t count, float *low,
                         float *high) {
    __m256 negated = _mm256_setzero_ps();  // of the smallest
    __m256 largest = _mm256_setzero_ps();
    __m256 is_nan = _mm256_setzero_ps();
    __m256 sign = _mm256_set1_ps(-0.0F);
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        __m256 value = load(x, input_scale, i);
        negated = _mm256_max_ps(negated, _mm256_xor_ps(value, sign));
        largest = _mm256_max_ps(largest, value);
        is_nan = _mm256_or_ps(is_nan, _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    }
    float most_negative = largest_of(negated);
    float most_positive = largest_of(largest);
    bool is_finite = _mm256_movemask_ps(is_nan) == 0;
    for (; i < count; i++) {
        float value = load_one(x, input_scale, i);
        most_negative = -value > most_negative ? -value : most_negative;
        most_positive = value > most_positive ? value : most_positive;
        is_finite &= value == value;
    }
    *low = -most_negative;
    *high = most_positive;
    return is_finite && most_negative <= __FLT_MAX__ && most_positive <= __FLT_MAX__;
}

bool row_range_avx2(const float *x, const float *input_scale, size_t count, float *low,
                    float *high) {
    if (input_scale == NULL) return range(x, NULL, count, low, high);
    return range(x, input_scale, count, low, high);
}

ALWAYS_INLINE __m256i quantize(__m256 value, __m256 inverse, __m256i zero) {
    return _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(value, inverse)), zero);
}

ALWAYS_INLINE void quantize_all(const float *x, const float *input_scale, float inverse_scale,
                                int32_t zero_point, size_t count, uint8_t *bytes) {
    __m256 inverse = _mm256_set1_ps(inverse_scale);
    __m256i zero = _mm256_set1_epi32(zero_point);
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        __m256i a = quantize(load(x, input_scale, i), inverse, zero);
        __m256i b = quantize(load(x, input_scale, i + LANES), inverse, zero);
        __m256i c = quantize(load(x, input_scale, i + 2 * LANES), inverse, zero);
        __m256i d = quantize(load(x, input_scale, i + 3 * LANES), inverse, zero);
        // Packing cuts to 0 … 255. It works within halves of registers: fours of bytes come out in
        // the order a0 b0 c0 d0 a1 b1 c1 d1.
        __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        packed = _mm256_permutevar8x32_epi32(packed, order);
        _mm256_storeu_si256((__m256i *)(void *)(bytes + i), packed);
    }
    for (; i < count; i++) {
        float value = load_one(x, input_scale, i) * inverse_scale;
        int32_t byte = _mm_cvtss_si32(_mm_set_ss(value)) + zero_point;
        bytes[i] = (uint8_t)(byte < 0 ? 0 : byte > UINT8_MAX ? UINT8_MAX : byte);
    }
    for (; i % WEIGHT_INT8_INPUTS != 0; i++) bytes[i] = 0;
}

void row_quantize_avx2(const float *x, const float *input_scale, float inverse_scale,
                       int32_t zero_point, size_t count, uint8_t *bytes) {
    if (input_scale == NULL) {
        quantize_all(x, NULL, inverse_scale, zero_point, count, bytes);
    } else {
        quantize_all(x, input_scale, inverse_scale, zero_point, count, bytes);
    }
}
