// Without SDOT: signed bytes (128 taken off, as in int8_neondot.c) are multiplied into 16 bits,
// where the products of two steps have room (2 * 127 * 128 < 32768), and pairs of those are added
// to sums of 32 bits. Tiles of 2 rows by one block of 16 outputs: 16 of the 32 registers hold sums,
// two an output, that are added up at the end.
#include <arm_neon.h>

#include "kernels/kernels_internal.h"

enum {
    ROWS = 2,
    PAIRS = 8,  // of outputs in a block: 8 products in a register
    STEP = WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS,
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Four bytes of x, less 128, twice.
ALWAYS_INLINE int8x8_t load_four(const uint8_t *x) {
    uint32_t four;
    __builtin_memcpy(&four, x, sizeof four);
    return vreinterpret_s8_u32(vdup_n_u32(four ^ 0x80808080));
}

ALWAYS_INLINE void multiply_tile(const size_t rows, const uint8_t *x, size_t x_stride,
                                 const int8_t *w, size_t depth, int32_t *sums, size_t sums_stride) {
    int32x4_t tile[ROWS][PAIRS];
    int8x8_t first[ROWS];
    int8x8_t second[ROWS];
#pragma GCC unroll 2
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 8
        for (size_t p = 0; p < PAIRS; p++) tile[r][p] = vdupq_n_s32(0);
    }
    size_t k = 0;
    for (; k + 2 <= depth; k += 2, w += 2 * STEP) {
#pragma GCC unroll 2
        for (size_t r = 0; r < rows; r++) {
            first[r] = load_four(x + r * x_stride + k * WEIGHT_INT8_INPUTS);
            second[r] = load_four(x + r * x_stride + (k + 1) * WEIGHT_INT8_INPUTS);
        }
#pragma GCC unroll 8
        for (size_t p = 0; p < PAIRS; p++) {
            int8x8_t w_first = vld1_s8(w + p * 8);
            int8x8_t w_second = vld1_s8(w + STEP + p * 8);
#pragma GCC unroll 2
            for (size_t r = 0; r < rows; r++) {
                int16x8_t products = vmlal_s8(vmull_s8(first[r], w_first), second[r], w_second);
                tile[r][p] = vpadalq_s16(tile[r][p], products);
            }
        }
    }
    if (k < depth) {
#pragma GCC unroll 2
        for (size_t r = 0; r < rows; r++) {
            int8x8_t last = load_four(x + r * x_stride + k * WEIGHT_INT8_INPUTS);
#pragma GCC unroll 8
            for (size_t p = 0; p < PAIRS; p++) {
                tile[r][p] = vpadalq_s16(tile[r][p], vmull_s8(last, vld1_s8(w + p * 8)));
            }
        }
    }
#pragma GCC unroll 2
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t p = 0; p < PAIRS; p += 2) {
            vst1q_s32(sums + r * sums_stride + p * 2, vpaddq_s32(tile[r][p], tile[r][p + 1]));
        }
    }
}

void int8_multiply_neon(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                        size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                        size_t sums_stride) {
    (void)ahead;  // these processors see a sequence coming
    for (size_t block = 0; block < blocks; block++) {
        const int8_t *of_w = w + block * depth * STEP;
        int32_t *of_sums = sums + block * WEIGHT_INT8_OUTPUTS;
        if (rows == 1) {
            multiply_tile(1, x, x_stride, of_w, depth, of_sums, sums_stride);
        } else {
            multiply_tile(ROWS, x, x_stride, of_w, depth, of_sums, sums_stride);
        }
    }
}
