// Eight elements at a time, ends masked. exp and erf as in elementwise_avx512.c: the polynomial of
// the Cephes library's expf, and formula 7.1.26 of Abramowitz and Stegun (error 1.5e-7).
#include <immintrin.h>
#include <math.h>

#include "kernels/kernels_internal.h"

enum { LANES = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i first_lanes(size_t count) {
    static const int ones_then_zeros[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256(
        (const __m256i *)(ones_then_zeros + (count < LANES ? LANES - count : 0)));
}

ALWAYS_INLINE __m256 exponential(__m256 x) {
    // Below -87.3 the power of two is not a normal number: the result is 0. From 88.4 on it is
    // infinite. A NaN as the second operand of max and min stays.
    __m256 is_zero = _mm256_cmp_ps(x, _mm256_set1_ps(-87.3F), _CMP_LT_OQ);
    x = _mm256_max_ps(_mm256_set1_ps(-87.3F), x);
    x = _mm256_min_ps(_mm256_set1_ps(88.8F), x);
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps((float)M_LOG2E)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4F);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1F));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0F)));
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    __m256 power = _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
    // A NaN's n converts to a number that means nothing, but p is NaN and remains so.
    return _mm256_andnot_ps(is_zero, _mm256_mul_ps(p, power));
}

ALWAYS_INLINE __m256 error_function(__m256 x) {
    __m256 one = _mm256_set1_ps(1.0F);
    __m256 sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0F));
    __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x);
    __m256 t = _mm256_div_ps(one, _mm256_fmadd_ps(size, _mm256_set1_ps(0.3275911F), one));
    __m256 p = _mm256_set1_ps(1.061405429F);
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(-1.453152027F));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(1.421413741F));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(-0.284496736F));
    p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(0.254829592F));
    __m256 tail = exponential(_mm256_sub_ps(_mm256_setzero_ps(), _mm256_mul_ps(size, size)));
    return _mm256_or_ps(_mm256_fnmadd_ps(_mm256_mul_ps(p, t), tail, one), sign);
}

ALWAYS_INLINE __m256 activate(const enum activation activation, __m256 x) {
    __m256 one = _mm256_set1_ps(1.0F);
    if (activation == ACTIVATION_GELU) {
        __m256 erf = error_function(_mm256_mul_ps(x, _mm256_set1_ps((float)M_SQRT1_2)));
        return _mm256_mul_ps(_mm256_mul_ps(x, _mm256_set1_ps(0.5F)), _mm256_add_ps(erf, one));
    }
    if (activation == ACTIVATION_QUICK_GELU) {
        __m256 tail = exponential(_mm256_mul_ps(x, _mm256_set1_ps(-1.702F)));
        return _mm256_div_ps(x, _mm256_add_ps(tail, one));
    }
    return x;
}

ALWAYS_INLINE void finish(const float *sums, const float *bias, const enum activation activation,
                          const float *residual, float *y, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        __m256i mask = first_lanes(count - i);
        __m256 value = _mm256_maskload_ps(sums + i, mask);
        if (bias != NULL) value = _mm256_add_ps(value, _mm256_maskload_ps(bias + i, mask));
        value = activate(activation, value);
        if (residual != NULL) {
            value = _mm256_add_ps(value, _mm256_maskload_ps(residual + i, mask));
        }
        _mm256_maskstore_ps(y + i, mask, value);
    }
}

void row_finish_avx2(const float *sums, const float *bias, enum activation activation,
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

ALWAYS_INLINE void finish_tile(const struct int8_tile *t, const enum activation activation) {
    for (size_t column = 0; column < t->columns; column += LANES) {
        __m256i mask = first_lanes(t->columns - column);
        __m256i weight_sums = _mm256_loadu_si256((const void *)(t->weight_sums + column));
        __m256 weight_scales = _mm256_loadu_ps(t->weight_scales + column);
        __m256 bias = _mm256_setzero_ps();
        if (t->bias != NULL) bias = _mm256_maskload_ps(t->bias + column, mask);
        for (size_t row = 0; row < t->rows; row++) {
            size_t at = row * t->y_stride + column;
            const void *sums = t->sums + row * t->sums_stride + column;
            __m256i zero = _mm256_mullo_epi32(_mm256_set1_epi32(t->zero_points[row]), weight_sums);
            __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_loadu_si256(sums), zero));
            value = _mm256_mul_ps(value,
                                  _mm256_mul_ps(_mm256_set1_ps(t->row_scales[row]), weight_scales));
            if (t->bias != NULL) value = _mm256_add_ps(value, bias);
            value = activate(activation, value);
            if (t->residual != NULL) {
                value = _mm256_add_ps(value, _mm256_maskload_ps(t->residual + at, mask));
            }
            _mm256_maskstore_ps(t->y + at, mask, value);
        }
    }
}

void tile_finish_avx2(const struct int8_tile *tile) {
    switch (tile->activation) {
        case ACTIVATION_GELU:
            finish_tile(tile, ACTIVATION_GELU);
            break;
        case ACTIVATION_QUICK_GELU:
            finish_tile(tile, ACTIVATION_QUICK_GELU);
            break;
        case ACTIVATION_NONE:
            finish_tile(tile, ACTIVATION_NONE);
            break;
    }
}

ALWAYS_INLINE float add_up(__m256 a) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

float row_maximum_avx2(const float *row, size_t count) {
    __m256 least = _mm256_set1_ps(-INFINITY);
    __m256 maximum = least;
    for (size_t i = 0; i < count; i += LANES) {
        __m256i mask = first_lanes(count - i);
        __m256 value = _mm256_maskload_ps(row + i, mask);
        value = _mm256_blendv_ps(least, value, _mm256_castsi256_ps(mask));
        // With a NaN the second operand is the result: the maximum so far.
        maximum = _mm256_max_ps(value, maximum);
    }
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(maximum), _mm256_extractf128_ps(maximum, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

float row_exponentiate_avx2(float *row, float maximum, float scale, size_t count) {
    __m256 shift = _mm256_set1_ps(maximum);
    __m256 factor = _mm256_set1_ps(scale);
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        __m256i mask = first_lanes(count - i);
        __m256 value = _mm256_sub_ps(_mm256_maskload_ps(row + i, mask), shift);
        value = exponential(_mm256_mul_ps(value, factor));
        _mm256_maskstore_ps(row + i, mask, value);
        sum = _mm256_add_ps(sum, _mm256_and_ps(value, _mm256_castsi256_ps(mask)));
    }
    return add_up(sum);
}

void row_normalize_avx2(const float *x, const float *gain, const float *bias, float epsilon,
                        float *y, size_t count) {
    __m256 sum = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        sum = _mm256_add_ps(sum, _mm256_maskload_ps(x + i, first_lanes(count - i)));
    }
    __m256 mean = _mm256_set1_ps(add_up(sum) / (float)count);
    __m256 squares = _mm256_setzero_ps();
    for (size_t i = 0; i < count; i += LANES) {
        __m256i mask = first_lanes(count - i);
        __m256 value = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), mean);
        value = _mm256_and_ps(value, _mm256_castsi256_ps(mask));
        squares = _mm256_fmadd_ps(value, value, squares);
    }
    __m256 factor = _mm256_set1_ps(1 / sqrtf(add_up(squares) / (float)count + epsilon));
    for (size_t i = 0; i < count; i += LANES) {
        __m256i mask = first_lanes(count - i);
        __m256 value = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), mean);
        value = _mm256_mul_ps(value, factor);
        value = _mm256_fmadd_ps(value, _mm256_maskload_ps(gain + i, mask),
                                _mm256_maskload_ps(bias + i, mask));
        _mm256_maskstore_ps(y + i, mask, value);
    }
}

void row_widen_avx2(const uint16_t *f16, size_t count, float *floats) {
    enum { AHEAD_BYTES = 2048 };
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        // Beyond the row is the next one, or an address that nobody reads; a prefetch never faults.
        _mm_prefetch((const char *)((uintptr_t)(f16 + i) + AHEAD_BYTES), _MM_HINT_T0);
        __m128i eight = _mm_loadu_si128((const __m128i *)(const void *)(f16 + i));
        _mm256_storeu_ps(floats + i, _mm256_cvtph_ps(eight));
    }
    for (; i < count; i++) floats[i] = _cvtsh_ss(f16[i]);
}
