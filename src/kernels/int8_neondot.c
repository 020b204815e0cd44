// SDOT multiplies signed bytes, so 128 is taken off the bytes of x; linear_int8.c takes it off the
// zero point. Tiles of 4 rows by one block of 16 outputs: 16 of the 32 registers hold sums, 4 the
// weights of four inputs, 4 the next 16 bytes of each row.
#include <arm_neon.h>

#include "kernels/kernels_internal.h"

enum {
    ROWS = 4,
    QUARTERS = 4,  // of a block: 4 outputs in a register
    LANES = 4,
    STEP = WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS,
    STEPS = 4,  // that 16 bytes of a row last for
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// tile += the next four inputs of the rows; `lane` says which four of the 16 bytes in of_x.
#define MULTIPLY_STEP(lane)                                                    \
    do {                                                                       \
        _Pragma("GCC unroll 4") for (size_t q = 0; q < QUARTERS; q++) {        \
            int8x16_t of_w = vld1q_s8(w + q * 16);                             \
            _Pragma("GCC unroll 4") for (size_t r = 0; r < rows; r++) {        \
                tile[r][q] = vdotq_laneq_s32(tile[r][q], of_w, of_x[r], lane); \
            }                                                                  \
        }                                                                      \
        w += STEP;                                                             \
    } while (0)

ALWAYS_INLINE void multiply_tile(const size_t rows, const uint8_t *x, size_t x_stride,
                                 const int8_t *w, size_t depth, int32_t *sums, size_t sums_stride) {
    int32x4_t tile[ROWS][QUARTERS];
    int8x16_t of_x[ROWS];
    const uint8x16_t offset = vdupq_n_u8(128);
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t q = 0; q < QUARTERS; q++) tile[r][q] = vdupq_n_s32(0);
    }
    size_t k = 0;
    for (; k + STEPS <= depth; k += STEPS) {
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) {
            uint8x16_t bytes = vld1q_u8(x + r * x_stride + k * WEIGHT_INT8_INPUTS);
            of_x[r] = vreinterpretq_s8_u8(veorq_u8(bytes, offset));
        }
        MULTIPLY_STEP(0);
        MULTIPLY_STEP(1);
        MULTIPLY_STEP(2);
        MULTIPLY_STEP(3);
    }
    for (; k < depth; k++) {
#pragma GCC unroll 4
        for (size_t r = 0; r < rows; r++) {
            uint32_t four;
            __builtin_memcpy(&four, x + r * x_stride + k * WEIGHT_INT8_INPUTS, sizeof four);
            uint8x16_t bytes = vreinterpretq_u8_u32(vdupq_n_u32(four));
            of_x[r] = vreinterpretq_s8_u8(veorq_u8(bytes, offset));
        }
        MULTIPLY_STEP(0);
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t q = 0; q < QUARTERS; q++) {
            vst1q_s32(sums + r * sums_stride + q * LANES, tile[r][q]);
        }
    }
}

void int8_multiply_neondot(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                           size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                           size_t sums_stride) {
    (void)ahead;  // these processors see a sequence coming
    for (size_t block = 0; block < blocks; block++) {
        const int8_t *of_w = w + block * depth * STEP;
        int32_t *of_sums = sums + block * WEIGHT_INT8_OUTPUTS;
        switch (rows) {
            case 1:
                multiply_tile(1, x, x_stride, of_w, depth, of_sums, sums_stride);
                break;
            case 2:
                multiply_tile(2, x, x_stride, of_w, depth, of_sums, sums_stride);
                break;
            case 3:
                multiply_tile(3, x, x_stride, of_w, depth, of_sums, sums_stride);
                break;
            case ROWS:
                multiply_tile(ROWS, x, x_stride, of_w, depth, of_sums, sums_stride);
                break;
        }
    }
}
