// For processors without a dot product of bytes. VPMADDUBSW multiplies bytes and adds pairs of
// products into 16 bits, where they have room because x has 7 bits on this tier
// (2 * 128 * 127 < 32768); VPMADDWD by ones adds pairs of those into 32. Tiles of 6 rows by one
// block of 16 outputs: 12 of the 16 registers hold sums, one the ones, one the four bytes of a row,
// two what becomes of them; the weights come from the L1 cache each time.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum {
    ROWS = 6,
    HALVES = 2,
    LANES = 8,
    STEP = WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS,
    LINE_BYTES = 64,
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void multiply_tile(const size_t rows, const uint8_t *x, size_t x_stride,
                                 const int8_t *w, size_t depth, struct ahead ahead, int32_t *sums,
                                 size_t sums_stride) {
    __m256i tile[ROWS][HALVES];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) tile[r][0] = tile[r][1] = _mm256_setzero_si256();
    const __m256i ones = _mm256_set1_epi16(1);
    const uint8_t *group[ROWS / 3] = {x, x + 3 * x_stride};
    uintptr_t next = (uintptr_t)ahead.from;
    for (size_t k = 0; k < depth; k++) {
        // A line a step, as fast as the weights themselves are used; then the last again.
        _mm_prefetch((const char *)next, _MM_HINT_T0);
        next += k < ahead.lines ? LINE_BYTES : 0;
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            __builtin_memcpy(&four, group[r / 3] + (r % 3) * x_stride, sizeof four);
            __m256i of_x = _mm256_set1_epi32(four);
#pragma GCC unroll 2
            for (size_t h = 0; h < HALVES; h++) {
                __m256i of_w =
                    _mm256_loadu_si256((const __m256i *)(const void *)(w + h * STEP / 2));
                __m256i pairs = _mm256_maddubs_epi16(of_x, of_w);
                tile[r][h] = _mm256_add_epi32(tile[r][h], _mm256_madd_epi16(pairs, ones));
            }
        }
        w += STEP;
        group[0] += WEIGHT_INT8_INPUTS;
        group[1] += WEIGHT_INT8_INPUTS;
        __asm__("" : "+r"(group[0]), "+r"(group[1]));  // two pointers, not six
    }
#pragma GCC unroll 6
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
                        size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                        size_t sums_stride) {
    for (size_t block = 0; block < blocks; block++) {
        const int8_t *of_w = w + block * depth * STEP;
        int32_t *of_sums = sums + block * WEIGHT_INT8_OUTPUTS;
        struct ahead of_ahead = {(const char *)ahead.from + block * depth * LINE_BYTES,
                                 ahead.lines > block * depth ? ahead.lines - block * depth : 0};
        switch (rows) {
            TILE_OF(1)
            TILE_OF(2)
            TILE_OF(3)
            TILE_OF(4)
            TILE_OF(5)
            TILE_OF(6)
        }
    }
}
