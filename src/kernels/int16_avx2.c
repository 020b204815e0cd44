// The tiles of gemm_avx2.c with pairs of int16 in place of floats: VPMADDWD multiplies and adds a
// pair, so 12 of the 16 registers hold sums, two the panel's row, one the pair of a row, one the
// products. It serves AVX-VNNI too, whose one instruction fewer gains little beside the loads.
#include <immintrin.h>
#include <limits.h>

#include "kernels/kernels_internal.h"

enum { COLUMNS = 16, ROWS = 6, LANES = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i first_lanes(size_t count) {
    __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count > LANES ? LANES : (int)count), lanes);
}

ALWAYS_INLINE void multiply_tile(const size_t rows, const int16_t *x, size_t x_stride,
                                 const int32_t *panel, size_t pairs, int32_t *sums,
                                 size_t sums_stride) {
    __m256i tile[ROWS][2];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) tile[r][0] = tile[r][1] = _mm256_setzero_si256();
    const int16_t *group[ROWS / 3] = {x, x + 3 * x_stride};
    for (size_t k = 0; k < pairs; k++) {
        __m256i first = _mm256_load_si256((const __m256i *)(const void *)panel);
        __m256i second = _mm256_load_si256((const __m256i *)(const void *)(panel + LANES));
        panel += COLUMNS;
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            int32_t two;
            __builtin_memcpy(&two, group[r / 3] + (r % 3) * x_stride, sizeof two);
            __m256i pair = _mm256_set1_epi32(two);
            tile[r][0] = _mm256_add_epi32(tile[r][0], _mm256_madd_epi16(pair, first));
            tile[r][1] = _mm256_add_epi32(tile[r][1], _mm256_madd_epi16(pair, second));
        }
        group[0] += 2;
        group[1] += 2;
        __asm__("" : "+r"(group[0]), "+r"(group[1]));  // two pointers, not six
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
        int32_t *to = sums + r * sums_stride;
        _mm256_storeu_si256((__m256i *)(void *)to, tile[r][0]);
        _mm256_storeu_si256((__m256i *)(void *)(to + LANES), tile[r][1]);
    }
}

#define TILE_OF(rows)                                                      \
    case rows:                                                             \
        multiply_tile(rows, x, x_stride, panel, pairs, sums, sums_stride); \
        break;

void int16_multiply_avx2(const int16_t *x, size_t x_stride, size_t rows, const int32_t *panel,
                         size_t pairs, int32_t *sums, size_t sums_stride) {
    switch (rows) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
    }
}

// Magnitudes are ordered as the integers of their bits, with infinity and NaN above all numbers.
void int16_peaks_avx2(const float *x, size_t rows, size_t x_stride, size_t count, float *peaks) {
    const __m256i all_but_sign = _mm256_set1_epi32(INT32_MAX);
    for (size_t i = 0; i < count; i += LANES) {
        __m256i lanes = first_lanes(count - i);
        __m256i largest = _mm256_setzero_si256();
        for (size_t row = 0; row < rows; row++) {
            const void *from = x + row * x_stride + i;
            __m256i value = _mm256_and_si256(_mm256_maskload_epi32(from, lanes), all_but_sign);
            largest = _mm256_max_epi32(largest, value);
        }
        _mm256_maskstore_epi32((int *)(void *)(peaks + i), lanes, largest);
    }
}

// Sixteen numbers.
ALWAYS_INLINE void store_narrow(int16_t *to, __m256i low, __m256i high) {
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)to, packed);
}

ALWAYS_INLINE __m256i narrow_eight(const float *x, size_t count, __m256 by) {
    if (count == 0) return _mm256_setzero_si256();
    __m256 value = _mm256_maskload_ps(x, first_lanes(count));
    return _mm256_cvtps_epi32(_mm256_mul_ps(value, by));
}

void int16_narrow_avx2(const float *x, float factor, size_t count, int16_t *narrow) {
    __m256 by = _mm256_set1_ps(factor);
    for (size_t i = 0; i < count; i += INT16_LANES) {
        size_t left = count - i;
        __m256i low = narrow_eight(x + i, left, by);
        __m256i high = narrow_eight(x + i + LANES, left > LANES ? left - LANES : 0, by);
        store_narrow(narrow + i, low, high);
    }
}

void int16_pair_avx2(const float *first, const float *second, const float *factors, size_t count,
                     int32_t *pairs) {
    const __m256i low_half = _mm256_set1_epi32(0xffff);
    for (size_t i = 0; i < count; i += LANES) {
        __m256i lanes = first_lanes(count - i);
        __m256 by = _mm256_maskload_ps(factors + i, lanes);
        __m256i low = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_maskload_ps(first + i, lanes), by));
        __m256i high = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_maskload_ps(second + i, lanes), by));
        low = _mm256_or_si256(_mm256_and_si256(low, low_half), _mm256_slli_epi32(high, 16));
        _mm256_maskstore_epi32(pairs + i, lanes, low);
    }
}

// As in int16_avx512vnni.c. Below 2^-30 everything rounds to 0.
ALWAYS_INLINE __m256i power_of_two(__m256 t) {
    t = _mm256_max_ps(t, _mm256_set1_ps(-30));
    __m256 n = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_sub_ps(t, n);
    __m256 p = _mm256_set1_ps(0.0558382829F * INT16_WEIGHT_ONE);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.242639479F * INT16_WEIGHT_ONE));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.693136734F * INT16_WEIGHT_ONE));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.999924557F * INT16_WEIGHT_ONE));
    __m256i scale = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);  // of the exponent
    return _mm256_cvtps_epi32(_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), scale)));
}

ALWAYS_INLINE __m256i weigh_eight(const int32_t *scores, size_t count, __m256i maximum, __m256 by) {
    if (count == 0) return _mm256_setzero_si256();
    __m256i lanes = first_lanes(count);
    __m256i score = _mm256_maskload_epi32(scores, lanes);
    __m256 t = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(score, maximum)), by);
    return _mm256_and_si256(power_of_two(t), lanes);
}

ALWAYS_INLINE int32_t reduce(const bool is_maximum, __m256i numbers) {
    int32_t all[LANES];
    _mm256_storeu_si256((__m256i *)(void *)all, numbers);
    int32_t result = all[0];
    for (size_t i = 1; i < LANES; i++) {
        if (!is_maximum) result += all[i];
        if (is_maximum && all[i] > result) result = all[i];
    }
    return result;
}

int32_t int16_weigh_avx2(const int32_t *scores, size_t count, float factor, int16_t *weights) {
    __m256i least = _mm256_set1_epi32(INT32_MIN);
    __m256i maximum = least;
    for (size_t i = 0; i < count; i += LANES) {
        __m256i lanes = first_lanes(count - i);
        __m256i score = _mm256_maskload_epi32(scores + i, lanes);
        maximum = _mm256_max_epi32(maximum, _mm256_blendv_epi8(least, score, lanes));
    }
    maximum = _mm256_set1_epi32(reduce(true, maximum));
    __m256 by = _mm256_set1_ps(factor);
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < count; i += INT16_LANES) {
        size_t left = count - i;
        __m256i low = weigh_eight(scores + i, left, maximum, by);
        __m256i high =
            weigh_eight(scores + i + LANES, left > LANES ? left - LANES : 0, maximum, by);
        sum = _mm256_add_epi32(sum, _mm256_add_epi32(low, high));
        store_narrow(weights + i, low, high);
    }
    return reduce(false, sum);
}
