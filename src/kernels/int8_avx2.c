// For processors without a dot product of bytes. The one instruction that multiplies bytes adds
// pairs of products into 16 bits and saturates there; so both sides are widened to 16 bits instead:
// the even and the odd bytes of each four, as they lie, in two registers. Tiles of 4 rows by one
// block of 16 outputs: 8 of the 16 registers hold sums, 4 the weights of four inputs, 2 a row.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum {
    ROWS = 4,
    HALVES = 2,
    LANES = 8,
    STEP = WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS,
    LINE_BYTES = 64,
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void multiply_tile(const size_t rows, const uint8_t *x, size_t x_stride,
                                 const int8_t *w, size_t depth, struct int8_ahead ahead,
                                 int32_t *sums, size_t sums_stride) {
    __m256i tile[ROWS][HALVES];
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) tile[r][0] = tile[r][1] = _mm256_setzero_si256();
    const __m256i even_bytes = _mm256_set1_epi16(0xff);
    uintptr_t next = (uintptr_t)ahead.from;
    for (size_t k = 0; k < depth; k++) {
        __m256i even[HALVES];
        __m256i odd[HALVES];
#pragma GCC unroll 2
        for (size_t h = 0; h < HALVES; h++) {
            __m256i of_w = _mm256_loadu_si256((const __m256i *)(const void *)(w + h * STEP / 2));
            even[h] = _mm256_srai_epi16(_mm256_slli_epi16(of_w, 8), 8);
            odd[h] = _mm256_srai_epi16(of_w, 8);
        }
        // A line a step, as fast as the weights themselves are used; then the last again.
        _mm_prefetch((const char *)next, _MM_HINT_T0);
        next += k < ahead.lines ? LINE_BYTES : 0;
        w += STEP;
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            __builtin_memcpy(&four, x + r * x_stride + k * WEIGHT_INT8_INPUTS, sizeof four);
            __m256i of_x = _mm256_set1_epi32(four);
            __m256i x_even = _mm256_and_si256(of_x, even_bytes);
            __m256i x_odd = _mm256_srli_epi16(of_x, 8);
#pragma GCC unroll 2
            for (size_t h = 0; h < HALVES; h++) {
                tile[r][h] = _mm256_add_epi32(tile[r][h], _mm256_madd_epi16(x_even, even[h]));
                tile[r][h] = _mm256_add_epi32(tile[r][h], _mm256_madd_epi16(x_odd, odd[h]));
            }
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
        int32_t *to = sums + r * sums_stride;
        _mm256_storeu_si256((__m256i *)(void *)to, tile[r][0]);
        _mm256_storeu_si256((__m256i *)(void *)(to + LANES), tile[r][1]);
    }
}

#define TILE_OF(rows)                                                                  \
    case rows:                                                                         \
        multiply_tile(rows, x, x_stride, of_w, depth, of_ahead, of_sums, sums_stride); \
        break;

void int8_multiply_avx2(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                        size_t depth, size_t blocks, struct int8_ahead ahead, int32_t *sums,
                        size_t sums_stride) {
    for (size_t block = 0; block < blocks; block++) {
        const int8_t *of_w = w + block * depth * STEP;
        int32_t *of_sums = sums + block * WEIGHT_INT8_OUTPUTS;
        struct int8_ahead of_ahead = {
            (const char *)ahead.from + block * depth * LINE_BYTES,
            ahead.lines > block * depth ? ahead.lines - block * depth : 0};
        switch (rows) {
            TILE_OF(1)
            TILE_OF(2)
            TILE_OF(3)
            TILE_OF(4)
        }
    }
}
