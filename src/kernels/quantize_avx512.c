// Sixteen elements at a time, ends masked; the bytes are those of quantize_scalar.c.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum { LANES = 16 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __mmask16 first_lanes(size_t count) {
    return count >= LANES ? 0xffff : (__mmask16)((1U << count) - 1);
}

ALWAYS_INLINE __m512 load(const float *x, const float *input_scale, size_t i, __mmask16 lanes) {
    __m512 value = _mm512_maskz_loadu_ps(lanes, x + i);
    if (input_scale == NULL) return value;
    return _mm512_mul_ps(value, _mm512_maskz_loadu_ps(lanes, input_scale + i));
}

ALWAYS_INLINE bool range(const float *x, const float *input_scale, size_t count, float *low,
                         float *high) {
    __m512 smallest = _mm512_setzero_ps();
    __m512 largest = _mm512_setzero_ps();
    __mmask16 is_nan = 0;
    for (size_t i = 0; i < count; i += LANES) {
        __m512 value = load(x, input_scale, i, first_lanes(count - i));
        smallest = _mm512_min_ps(smallest, value);
        largest = _mm512_max_ps(largest, value);
        is_nan |= _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    }
    *low = _mm512_reduce_min_ps(smallest);
    *high = _mm512_reduce_max_ps(largest);
    return is_nan == 0 && *low >= -__FLT_MAX__ && *high <= __FLT_MAX__;
}

bool row_range_avx512(const float *x, const float *input_scale, size_t count, float *low,
                      float *high) {
    if (input_scale == NULL) return range(x, NULL, count, low, high);
    return range(x, input_scale, count, low, high);
}

ALWAYS_INLINE __m128i quantize(__m512 value, __m512 inverse, __m512i zero) {
    __m512i byte = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(value, inverse)), zero);
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(byte, _mm512_setzero_si512()));
}

ALWAYS_INLINE void quantize_all(const float *x, const float *input_scale, float inverse_scale,
                                int32_t zero_point, size_t count, uint8_t *bytes) {
    __m512 inverse = _mm512_set1_ps(inverse_scale);
    __m512i zero = _mm512_set1_epi32(zero_point);
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        __m128i sixteen = quantize(load(x, input_scale, i, 0xffff), inverse, zero);
        _mm_storeu_si128((__m128i *)(void *)(bytes + i), sixteen);
    }
    if (i == count) return;
    size_t left = count - i;
    __mmask16 lanes = first_lanes(left);
    __m128i some =
        _mm_maskz_mov_epi8(lanes, quantize(load(x, input_scale, i, lanes), inverse, zero));
    size_t padded = (left + WEIGHT_INT8_INPUTS - 1) / WEIGHT_INT8_INPUTS * WEIGHT_INT8_INPUTS;
    _mm_mask_storeu_epi8(bytes + i, first_lanes(padded), some);
}

void row_quantize_avx512(const float *x, const float *input_scale, float inverse_scale,
                         int32_t zero_point, size_t count, uint8_t *bytes) {
    if (input_scale == NULL) {
        quantize_all(x, NULL, inverse_scale, zero_point, count, bytes);
    } else {
        quantize_all(x, input_scale, inverse_scale, zero_point, count, bytes);
    }
}
