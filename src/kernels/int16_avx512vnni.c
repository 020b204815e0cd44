// The tiles of gemm_avx512.c with pairs of int16 in place of floats, at twice their rate: 24 of the
// 32 registers hold sums, two the panel's row, one the pair of a row.
#include <immintrin.h>
#include <limits.h>

#include "kernels/kernels_internal.h"

enum { COLUMNS = 32, ROWS = 12, LANES = 16 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __mmask16 first_lanes(size_t count) {
    return count >= LANES ? 0xffff : (__mmask16)((1U << count) - 1);
}

ALWAYS_INLINE void multiply_tile(const size_t rows, const int16_t *x, size_t x_stride,
                                 const int32_t *panel, size_t pairs, int32_t *sums,
                                 size_t sums_stride) {
    __m512i tile[ROWS][2];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) tile[r][0] = tile[r][1] = _mm512_setzero_si512();
    // Every third row has a pointer of its own, as in int8_avx512vnni.c.
    const int16_t *group[ROWS / 3];
#pragma GCC unroll 4
    for (size_t g = 0; g < ROWS / 3; g++) group[g] = x + 3 * g * x_stride;
    for (size_t k = 0; k < pairs; k++) {
        __m512i first = _mm512_load_si512(panel);
        __m512i second = _mm512_load_si512(panel + LANES);
        panel += COLUMNS;
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            int32_t two;
            __builtin_memcpy(&two, group[r / 3] + (r % 3) * x_stride, sizeof two);
            __m512i pair = _mm512_set1_epi32(two);
            tile[r][0] = _mm512_dpwssd_epi32(tile[r][0], pair, first);
            tile[r][1] = _mm512_dpwssd_epi32(tile[r][1], pair, second);
        }
#pragma GCC unroll 4
        for (size_t g = 0; g < ROWS / 3; g++) {
            group[g] += 2;
            __asm__("" : "+r"(group[g]));  // keeps GCC from making twelve pointers of them
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) {
        _mm512_storeu_si512(sums + r * sums_stride, tile[r][0]);
        _mm512_storeu_si512(sums + r * sums_stride + LANES, tile[r][1]);
    }
}

#define TILE_OF(rows)                                                      \
    case rows:                                                             \
        multiply_tile(rows, x, x_stride, panel, pairs, sums, sums_stride); \
        break;

void int16_multiply_avx512vnni(const int16_t *x, size_t x_stride, size_t rows, const int32_t *panel,
                               size_t pairs, int32_t *sums, size_t sums_stride) {
    switch (rows) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
        TILE_OF(7)
        TILE_OF(8)
        TILE_OF(9)
        TILE_OF(10)
        TILE_OF(11)
        TILE_OF(12)
    }
}

// Magnitudes are ordered as the integers of their bits, with infinity and NaN above all numbers.
ALWAYS_INLINE void find_peaks(const size_t registers, const float *x, size_t rows, size_t x_stride,
                              __mmask16 last_lanes, float *peaks) {
    const __m512i all_but_sign = _mm512_set1_epi32(INT32_MAX);
    __m512i largest[4];
#pragma GCC unroll 4
    for (size_t r = 0; r < registers; r++) largest[r] = _mm512_setzero_si512();
    for (size_t row = 0; row < rows; row++, x += x_stride) {
#pragma GCC unroll 4
        for (size_t r = 0; r < registers; r++) {
            __mmask16 lanes = r + 1 < registers ? 0xffff : last_lanes;
            __m512i value = _mm512_maskz_loadu_epi32(lanes, x + r * LANES);
            largest[r] = _mm512_max_epi32(largest[r], _mm512_and_si512(value, all_but_sign));
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < registers; r++) {
        __mmask16 lanes = r + 1 < registers ? 0xffff : last_lanes;
        _mm512_mask_storeu_epi32(peaks + r * LANES, lanes, largest[r]);
    }
}

void int16_peaks_avx512vnni(const float *x, size_t rows, size_t x_stride, size_t count,
                            float *peaks) {
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES)
        find_peaks(4, x + i, rows, x_stride, 0xffff, peaks + i);
    for (; i < count; i += LANES)
        find_peaks(1, x + i, rows, x_stride, first_lanes(count - i), peaks + i);
}

ALWAYS_INLINE void store_narrow(int16_t *to, __m512i numbers) {
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtepi32_epi16(numbers));
}

void int16_narrow_avx512vnni(const float *x, float factor, size_t count, int16_t *narrow) {
    __m512 by = _mm512_set1_ps(factor);
    for (size_t i = 0; i < count; i += LANES) {
        __m512 value = _mm512_maskz_loadu_ps(first_lanes(count - i), x + i);
        store_narrow(narrow + i, _mm512_cvtps_epi32(_mm512_mul_ps(value, by)));
    }
}

void int16_pair_avx512vnni(const float *first, const float *second, const float *factors,
                           size_t count, int32_t *pairs) {
    const __m512i low_half = _mm512_set1_epi32(0xffff);
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 lanes = first_lanes(count - i);
        __m512 by = _mm512_maskz_loadu_ps(lanes, factors + i);
        __m512i low =
            _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, first + i), by));
        __m512i high =
            _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, second + i), by));
        low = _mm512_or_si512(_mm512_and_si512(low, low_half), _mm512_slli_epi32(high, 16));
        _mm512_mask_storeu_epi32(pairs + i, lanes, low);
    }
}

// 2^t for t <= 0, times INT16_WEIGHT_ONE. The polynomial is interpolated at Chebyshev's nodes of
// [-0.5, 0.5]; its relative error, 1e-4, is that of rounding to the weights' 13 bits.
ALWAYS_INLINE __m512i power_of_two(__m512 t) {
    __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_sub_ps(t, n);
    __m512 p = _mm512_set1_ps(0.0558382829F * INT16_WEIGHT_ONE);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.242639479F * INT16_WEIGHT_ONE));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693136734F * INT16_WEIGHT_ONE));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.999924557F * INT16_WEIGHT_ONE));
    return _mm512_cvtps_epi32(_mm512_scalef_ps(p, n));
}

int32_t int16_weigh_avx512vnni(const int32_t *scores, size_t count, float factor,
                               int16_t *weights) {
    __m512i least = _mm512_set1_epi32(INT32_MIN);
    __m512i largest = least;
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 lanes = first_lanes(count - i);
        largest = _mm512_max_epi32(largest, _mm512_mask_loadu_epi32(least, lanes, scores + i));
    }
    __m512i maximum = _mm512_set1_epi32(_mm512_reduce_max_epi32(largest));
    __m512 by = _mm512_set1_ps(factor);
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += LANES) {
        __mmask16 lanes = first_lanes(count - i);
        __m512i score = _mm512_maskz_loadu_epi32(lanes, scores + i);
        __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(score, maximum)), by);
        __m512i weight = _mm512_maskz_mov_epi32(lanes, power_of_two(t));
        sum = _mm512_add_epi32(sum, weight);
        store_narrow(weights + i, weight);
    }
    return _mm512_reduce_add_epi32(sum);
}
