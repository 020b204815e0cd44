// Tiles of 12 rows by two blocks of 16 outputs: 24 of the 32 registers hold sums, two the weights
// of four inputs, one the four bytes of a row. 14 loads for 24 dot products leave the two
// multipliers as the limit.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum {
    BLOCKS = 2,
    ROWS = 12,
    OUTPUTS = WEIGHT_INT8_OUTPUTS,
    INPUTS = WEIGHT_INT8_INPUTS,
    LINE_BYTES = 64,
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void multiply_tile(const size_t rows, const size_t blocks, const uint8_t *x,
                                 size_t x_stride, const int8_t *w, size_t depth, struct ahead ahead,
                                 int32_t *sums, size_t sums_stride) {
    __m512i tile[ROWS][BLOCKS];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (size_t b = 0; b < blocks; b++) tile[r][b] = _mm512_setzero_si512();
    }
    // Every third row has a pointer of its own; the two behind it are reached by x_stride. Twelve
    // pointers would not fit the general registers.
    const uint8_t *group[ROWS / 3];
#pragma GCC unroll 4
    for (size_t g = 0; g < ROWS / 3; g++) group[g] = x + 3 * g * x_stride;
    const size_t block_bytes = depth * OUTPUTS * INPUTS;
    // Two lines a step, as fast as the weights themselves are used; when all are on their way, the
    // last again, which costs nothing.
    uintptr_t next = (uintptr_t)ahead.from;
    size_t fetching = (ahead.lines + 1) / 2 < depth ? (ahead.lines + 1) / 2 : depth;
    for (int part = 0; part < 2; part++) {
        size_t steps = part == 0 ? fetching : depth - fetching;
        size_t advance = part == 0 ? 2 * LINE_BYTES : 0;
        for (size_t k = 0; k < steps; k++) {
            _mm_prefetch((const char *)next, _MM_HINT_T0);
            _mm_prefetch((const char *)(next + LINE_BYTES), _MM_HINT_T0);
            next += advance;
            __m512i of_w[BLOCKS];
#pragma GCC unroll 2
            for (size_t b = 0; b < blocks; b++) {
                of_w[b] = _mm512_loadu_si512(w + b * block_bytes);
            }
            w += OUTPUTS * INPUTS;
#pragma GCC unroll 12
            for (size_t r = 0; r < rows; r++) {
                int32_t four;
                __builtin_memcpy(&four, group[r / 3] + (r % 3) * x_stride, sizeof four);
                __m512i of_x = _mm512_set1_epi32(four);
#pragma GCC unroll 2
                for (size_t b = 0; b < blocks; b++) {
                    tile[r][b] = _mm512_dpbusd_epi32(tile[r][b], of_x, of_w[b]);
                }
            }
#pragma GCC unroll 4
            for (size_t g = 0; g < ROWS / 3; g++) {
                group[g] += INPUTS;
                __asm__("" : "+r"(group[g]));  // keeps GCC from making twelve pointers of them
            }
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (size_t b = 0; b < blocks; b++) {
            _mm512_storeu_si512(sums + r * sums_stride + b * OUTPUTS, tile[r][b]);
        }
    }
}

#define TILE_OF(rows)                                                                     \
    case rows:                                                                            \
        if (blocks == BLOCKS) {                                                           \
            multiply_tile(rows, BLOCKS, x, x_stride, w, depth, ahead, sums, sums_stride); \
        } else {                                                                          \
            multiply_tile(rows, 1, x, x_stride, w, depth, ahead, sums, sums_stride);      \
        }                                                                                 \
        break;

void int8_multiply_avx512vnni(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                              size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                              size_t sums_stride) {
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
