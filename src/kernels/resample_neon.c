// As resample_avx2.c, with sums of 4 lanes: 48 bytes, a pixel column of 16 rows, are twelve sums.
#include <arm_neon.h>

#include "kernels/resample_internal.h"

enum { GROUP = 16 };  // bytes that become four registers of sums

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// `groups` is a constant wherever this is inlined, which keeps the sums in registers.
ALWAYS_INLINE void weigh_groups(const int groups, const uint8_t *rows, size_t stride,
                                const int32_t *weights, size_t taps, uint8_t *out) {
    int32x4_t sums[12];
#pragma GCC unroll 12
    for (int i = 0; i < 4 * groups; i++) sums[i] = vdupq_n_s32(1 << (RESAMPLE_WEIGHT_BITS - 1));
    for (size_t tap = 0; tap < taps; tap++) {
        const uint8_t *row = rows + tap * stride;
#pragma GCC unroll 3
        for (int i = 0; i < groups; i++) {
            uint8x16_t bytes = vld1q_u8(row + GROUP * i);
            int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
            int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
            int32x4_t *sum = sums + 4 * i;
            sum[0] = vmlaq_n_s32(sum[0], vmovl_s16(vget_low_s16(low)), weights[tap]);
            sum[1] = vmlaq_n_s32(sum[1], vmovl_s16(vget_high_s16(low)), weights[tap]);
            sum[2] = vmlaq_n_s32(sum[2], vmovl_s16(vget_low_s16(high)), weights[tap]);
            sum[3] = vmlaq_n_s32(sum[3], vmovl_s16(vget_high_s16(high)), weights[tap]);
        }
    }
#pragma GCC unroll 3
    for (int i = 0; i < groups; i++) {
        const int32x4_t *sum = sums + 4 * i;
        // The shift is too long for one narrowing instruction; both narrowings clip.
        int16x8_t low = vcombine_s16(vqmovn_s32(vshrq_n_s32(sum[0], RESAMPLE_WEIGHT_BITS)),
                                     vqmovn_s32(vshrq_n_s32(sum[1], RESAMPLE_WEIGHT_BITS)));
        int16x8_t high = vcombine_s16(vqmovn_s32(vshrq_n_s32(sum[2], RESAMPLE_WEIGHT_BITS)),
                                      vqmovn_s32(vshrq_n_s32(sum[3], RESAMPLE_WEIGHT_BITS)));
        vst1q_u8(out + GROUP * i, vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)));
    }
}

void rows_weigh_neon(const uint8_t *rows, size_t stride, const int32_t *weights, size_t taps,
                     size_t count, uint8_t *out) {
    if (count < GROUP) {
        rows_weigh_scalar(rows, stride, weights, taps, count, out);
        return;
    }
    size_t at = 0;
    for (; at + 3 * GROUP <= count; at += 3 * GROUP)
        weigh_groups(3, rows + at, stride, weights, taps, out + at);
    for (; at + GROUP <= count; at += GROUP)
        weigh_groups(1, rows + at, stride, weights, taps, out + at);
    // The last group once more, further left: the same sums for the bytes it shares.
    if (at < count) {
        at = count - GROUP;
        weigh_groups(1, rows + at, stride, weights, taps, out + at);
    }
}

ALWAYS_INLINE void turn_block(const uint8_t *from, size_t from_stride, uint8_t *to,
                              size_t to_stride) {
    uint8x16_t even[16];
    uint8x16_t odd[16];
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++) even[i] = vld1q_u8(from + i * from_stride);
#pragma GCC unroll 2
    for (int round = 0; round < 2; round++) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            odd[2 * i] = vzip1q_u8(even[i], even[i + 8]);
            odd[2 * i + 1] = vzip2q_u8(even[i], even[i + 8]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            even[2 * i] = vzip1q_u8(odd[i], odd[i + 8]);
            even[2 * i + 1] = vzip2q_u8(odd[i], odd[i + 8]);
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++) vst1q_u8(to + i * to_stride, even[i]);
}

void matrix_turn_neon(const uint8_t *from, size_t from_stride, size_t rows, size_t columns,
                      uint8_t *to, size_t to_stride) {
    size_t whole_rows = rows / 16 * 16;
    size_t whole_columns = columns / 16 * 16;
    for (size_t row = 0; row < whole_rows; row += 16)
        for (size_t column = 0; column < whole_columns; column += 16)
            turn_block(from + row * from_stride + column, from_stride,
                       to + column * to_stride + row, to_stride);
    matrix_turn_scalar(from + whole_columns, from_stride, whole_rows, columns - whole_columns,
                       to + whole_columns * to_stride, to_stride);
    matrix_turn_scalar(from + whole_rows * from_stride, from_stride, rows - whole_rows, columns,
                       to + whole_rows, to_stride);
}
