// Sixteen elements at a time, ends masked. exp is reduced to |r| <= ln(2)/2 and finished with the
// polynomial of the Cephes library's expf (relative error 2e-7).
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

// gelu(x) = x Φ(x) = max(x, 0) - |x| Q(|x|), with Q = 1 - Φ from a table: a polynomial around every
// multiple of GELU_STEP, coefficients of rising powers, and 0 beyond
// (tools/reference/gelu_table.py; absolute error of Q 1e-7). Half the work of an exponential and a
// division.
#define GELU_STEP 0.36F
static const float gelu_table[5][LANES] = {
    {0.499999996F, 0.359423567F, 0.235762498F, 0.14007109F, 0.0749336995F, 0.0359303191F,
     0.0153863348F, 0.00586774172F, 0.00198837585F, 0.000597648498F, 0.00015910859F,
     3.74748817e-05F, 7.80146004e-06F, 1.43437458e-06F, 2.32765923e-07F, 0.0F},  // d^0
    {-0.143618859F, -0.134606997F, -0.110826405F, -0.0801558337F, -0.0509263003F, -0.0284225182F,
     -0.0139345922F, -0.00600115181F, -0.00227028538F, -0.00075444592F, -0.000220228438F,
     -5.646919e-05F, -1.27185404e-05F, -2.51619695e-06F, -4.37247267e-07F, 0.0F},  // d^1
    {-5.80447017e-06F, 0.00872247807F, 0.0143629769F, 0.0155821159F, 0.0131999293F, 0.00920880409F,
     0.00541776995F, 0.00272218112F, 0.00117698568F, 0.000440045159F, 0.00014273755F,
     4.02645472e-05F, 9.89486634e-06F, 2.12116925e-06F, 3.97068932e-07F, 0.0F},  // d^2
    {0.00313474823F, 0.00251757198F, 0.00115209479F, -0.000278899075F, -0.0011695379F,
     -0.00136779242F, -0.0011013087F, -0.000694910523F, -0.000359905357F, -0.000156450686F,
     -5.78071556e-05F, -1.82994811e-05F, -4.98954772e-06F, -1.17621344e-06F, -2.40391803e-07F,
     0.0F},  // d^3
    {-7.47495788e-05F, -0.00026866476F, -0.000382844581F, -0.000307506355F, -0.000132339629F,
     2.29461108e-05F, 9.66768413e-05F, 9.81743611e-05F, 6.73130907e-05F, 3.57620645e-05F,
     1.54656807e-05F, 5.57640327e-06F, 1.69960334e-06F, 4.41713041e-07F, 9.84724656e-08F,
     0.0F},  // d^4
};

ALWAYS_INLINE __m512 gelu(__m512 x) {
    __m512 size = _mm512_abs_ps(x);
    __m512 steps = _mm512_mul_ps(size, _mm512_set1_ps(1 / GELU_STEP));
    steps = _mm512_min_ps(steps, _mm512_set1_ps(LANES - 1));
    // Rounds to the nearest; then the lowest bits are the number as an integer.
    __m512 shifted = _mm512_add_ps(steps, _mm512_set1_ps(0x1.8p23F));
    __m512 d = _mm512_sub_ps(steps, _mm512_sub_ps(shifted, _mm512_set1_ps(0x1.8p23F)));
    __m512i segment = _mm512_castps_si512(shifted);
    __m512 tail = _mm512_permutexvar_ps(segment, _mm512_loadu_ps(gelu_table[4]));
#pragma GCC unroll 4
    for (int power = 3; power >= 0; power--) {
        __m512 coefficient = _mm512_permutexvar_ps(segment, _mm512_loadu_ps(gelu_table[power]));
        tail = _mm512_fmadd_ps(tail, d, coefficient);
    }
    // A NaN as the second operand of max stays.
    return _mm512_fnmadd_ps(size, tail, _mm512_max_ps(_mm512_setzero_ps(), x));
}

ALWAYS_INLINE __m512 activate(const enum activation activation, __m512 x) {
    __m512 one = _mm512_set1_ps(1.0F);
    if (activation == ACTIVATION_GELU) return gelu(x);
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

// The tile is copied, or the compiler would read it again after each store to y.
ALWAYS_INLINE void finish_tile(const struct int8_tile t, const enum activation activation) {
    for (size_t column = 0; column < t.columns; column += LANES) {
        __mmask16 mask = first_lanes(t.columns - column);
        __m512i weight_sums = _mm512_loadu_si512(t.weight_sums + column);
        __m512 weight_scales = _mm512_loadu_ps(t.weight_scales + column);
        __m512 bias = _mm512_setzero_ps();
        if (t.bias != NULL) bias = _mm512_maskz_loadu_ps(mask, t.bias + column);
        const int32_t *sums = t.sums + column;
        const float *residual = t.residual == NULL ? NULL : t.residual + column;
        float *y = t.y + column;
        for (size_t row = 0; row < t.rows; row++, sums += t.sums_stride, y += t.y_stride) {
            __m512i zero = _mm512_mullo_epi32(_mm512_set1_epi32(t.zero_points[row]), weight_sums);
            __m512i sum = _mm512_sub_epi32(_mm512_loadu_si512(sums), zero);
            __m512 scales = _mm512_mul_ps(_mm512_set1_ps(t.row_scales[row]), weight_scales);
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scales);
            if (t.bias != NULL) value = _mm512_add_ps(value, bias);
            value = activate(activation, value);
            if (residual != NULL) {
                value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, residual));
                residual += t.y_stride;
            }
            _mm512_mask_storeu_ps(y, mask, value);
        }
    }
}

void tile_finish_avx512(const struct int8_tile *tile) {
    switch (tile->activation) {
        case ACTIVATION_GELU:
            finish_tile(*tile, ACTIVATION_GELU);
            break;
        case ACTIVATION_QUICK_GELU:
            finish_tile(*tile, ACTIVATION_QUICK_GELU);
            break;
        case ACTIVATION_NONE:
            finish_tile(*tile, ACTIVATION_NONE);
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
