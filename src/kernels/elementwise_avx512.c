// Sixteen elements at a time, ends masked. exp is reduced to |r| <= ln(2)/2 and finished with the
// polynomial of the Cephes library's expf (relative error 2e-7). erf is formula 7.1.26 of
// Abramowitz and Stegun (absolute error 1.5e-7).
#include <immintrin.h>
#include <math.h>

#include "kernels/kernels_internal.h"

enum { LANES = 16 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __mmask16 first_lanes(size_t count) {
    return count >= LANES ? 0xffff : (__mmask16)((1U << count) - 1);
}

ALWAYS_INLINE __m512 exponential(__m512 x) {
    // Beyond these the result is 0 or infinite anyway. A NaN as the second operand stays.
    x = _mm512_max_ps(_mm512_set1_ps(-104.0F), x);
    x = _mm512_min_ps(_mm512_set1_ps(89.0F), x);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps((float)M_LOG2E)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    // ln(2) in two parts: the first has 9 bits, so that n times it is exact.
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4F);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1F));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1F));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0F)));
    return _mm512_scalef_ps(p, n);
}

ALWAYS_INLINE __m512 error_function(__m512 x) {
    __m512 one = _mm512_set1_ps(1.0F);
    __m512 size = _mm512_abs_ps(x);
    __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(size, _mm512_set1_ps(0.3275911F), one));
    __m512 p = _mm512_set1_ps(1.061405429F);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736F));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592F));
    __m512 tail = exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(size, size)));
    __m512 result = _mm512_fnmadd_ps(_mm512_mul_ps(p, t), tail, one);
    __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.0F));
    return _mm512_or_ps(result, sign);
}

ALWAYS_INLINE __m512 activate(const enum activation activation, __m512 x) {
    __m512 one = _mm512_set1_ps(1.0F);
    if (activation == ACTIVATION_GELU) {
        __m512 erf = error_function(_mm512_mul_ps(x, _mm512_set1_ps((float)M_SQRT1_2)));
        return _mm512_mul_ps(_mm512_mul_ps(x, _mm512_set1_ps(0.5F)), _mm512_add_ps(erf, one));
    }
    if (activation == ACTIVATION_QUICK_GELU) {
        __m512 tail = exponential(_mm512_mul_ps(x, _mm512_set1_ps(-1.702F)));
        return _mm512_div_ps(x, _mm512_add_ps(tail, one));
    }
    return x;
}

ALWAYS_INLINE void finish(const float *sums, const float *bias, const enum activation activation,
                          const float *residual, float *y, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        __m512 value = _mm512_maskz_loadu_ps(mask, sums + i);
        if (bias != NULL) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, bias + i));
        value = activate(activation, value);
        if (residual != NULL) {
            value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, residual + i));
        }
        _mm512_mask_storeu_ps(y + i, mask, value);
    }
}

void row_finish_avx512(const float *sums, const float *bias, enum activation activation,
                       const float *residual, float *y, size_t count) {
    switch (activation) {
        case ACTIVATION_GELU:
            finish(sums, bias, ACTIVATION_GELU, residual, y, count);
            break;
        case ACTIVATION_QUICK_GELU:
            finish(sums, bias, ACTIVATION_QUICK_GELU, residual, y, count);
            break;
        case ACTIVATION_NONE:
            finish(sums, bias, ACTIVATION_NONE, residual, y, count);
            break;
    }
}

float row_maximum_avx512(const float *row, size_t count) {
    __m512 maximum = _mm512_set1_ps(-INFINITY);
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        // With a NaN the second operand is the result: the maximum so far.
        maximum = _mm512_mask_max_ps(maximum, mask, _mm512_maskz_loadu_ps(mask, row + i), maximum);
    }
    return _mm512_reduce_max_ps(maximum);
}

float row_exponentiate_avx512(float *row, float maximum, float scale, size_t count) {
    __m512 shift = _mm512_set1_ps(maximum);
    __m512 factor = _mm512_set1_ps(scale);
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        __m512 value = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, row + i), shift);
        value = exponential(_mm512_mul_ps(value, factor));
        _mm512_mask_storeu_ps(row + i, mask, value);
        sum = _mm512_mask_add_ps(sum, mask, sum, value);
    }
    return _mm512_reduce_add_ps(sum);
}

void row_normalize_avx512(const float *x, const float *gain, const float *bias, float epsilon,
                          float *y, size_t count) {
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(first_lanes(count - i), x + i));
    }
    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)count);
    __m512 squares = _mm512_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        __m512 value = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), mean);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    float variance = _mm512_reduce_add_ps(squares) / (float)count;
    __m512 factor = _mm512_set1_ps(1 / sqrtf(variance + epsilon));
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        __m512 value = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), mean);
        value = _mm512_mul_ps(value, factor);
        value = _mm512_fmadd_ps(value, _mm512_maskz_loadu_ps(mask, gain + i),
                                _mm512_maskz_loadu_ps(mask, bias + i));
        _mm512_mask_storeu_ps(y + i, mask, value);
    }
}

void row_widen_avx512(const uint16_t *f16, size_t count, float *floats) {
    enum { AHEAD_BYTES = 2048 };
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        // Beyond the row is the next one, or an address that nobody reads; a prefetch never faults.
        _mm_prefetch((const char *)((uintptr_t)(f16 + i) + AHEAD_BYTES), _MM_HINT_T0);
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(f16 + i));
        __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(f16 + i + LANES));
        _mm512_storeu_ps(floats + i, _mm512_cvtph_ps(first));
        _mm512_storeu_ps(floats + i + LANES, _mm512_cvtph_ps(second));
    }
    for (; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        __m256i some = _mm256_maskz_loadu_epi16(mask, f16 + i);
        _mm512_mask_storeu_ps(floats + i, mask, _mm512_cvtph_ps(some));
    }
}
