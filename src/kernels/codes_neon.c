// As codes_avx512.c, 16 rows at a time: TBL looks up sixteen of them in one table.
#include <arm_neon.h>

#include "kernels/codes_internal.h"

enum { BYTES_AT_ONCE = 4, PART_ROWS = 16, LANES = 4 };

static void sum_part(const uint8_t *codes, const uint8_t *tables, size_t bytes, uint16_t *sums) {
    const uint8x16_t nibble = vdupq_n_u8(15);
    uint16x8_t front = vdupq_n_u16(0), back = vdupq_n_u16(0);
    for (size_t byte = 0; byte < bytes; byte += BYTES_AT_ONCE) {
        uint8x16_t eight = vdupq_n_u8(0);
#pragma GCC unroll 4
        for (size_t i = 0; i < BYTES_AT_ONCE; i++) {
            uint8x16_t code = vld1q_u8(codes + i * CODES_BLOCK_ROWS);
            uint8x16_t low = vld1q_u8(tables + 2 * i * CODES_PATTERNS);
            uint8x16_t high = vld1q_u8(tables + (2 * i + 1) * CODES_PATTERNS);
            eight = vaddq_u8(eight, vqtbl1q_u8(low, vandq_u8(code, nibble)));
            eight = vaddq_u8(eight, vqtbl1q_u8(high, vshrq_n_u8(code, 4)));
        }
        front = vaddw_u8(front, vget_low_u8(eight));
        back = vaddw_high_u8(back, eight);
        codes += BYTES_AT_ONCE * CODES_BLOCK_ROWS;
        tables += 2 * BYTES_AT_ONCE * CODES_PATTERNS;
    }
    vst1q_u16(sums, front);
    vst1q_u16(sums + PART_ROWS / 2, back);
}

void block_sum_neon(const uint8_t *codes, const uint8_t *tables, size_t bytes,
                    uint16_t sums[static CODES_BLOCK_ROWS]) {
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row += PART_ROWS)
        sum_part(codes + row, tables, bytes, sums + row);
}

uint64_t block_select_neon(const uint16_t sums[static CODES_BLOCK_ROWS],
                           const float factors[static CODES_BLOCK_ROWS], float step, float offset,
                           float least) {
    static const uint32_t bits[LANES] = {1, 2, 4, 8};
    const uint32x4_t bit_of_lane = vld1q_u32(bits);
    uint64_t selected = 0;
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row += LANES) {
        float32x4_t sum = vcvtq_f32_u32(vmovl_u16(vld1_u16(sums + row)));
        float32x4_t inner = vaddq_f32(vmulq_n_f32(sum, step), vdupq_n_f32(offset));
        float32x4_t estimate = vmulq_f32(vld1q_f32(factors + row), inner);
        uint32x4_t is_enough = vcgeq_f32(estimate, vdupq_n_f32(least));
        selected |= (uint64_t)vaddvq_u32(vandq_u32(is_enough, bit_of_lane)) << row;
    }
    return selected;
}

int32_t row_multiply_neon(const int8_t *row, const int16_t *query, size_t count) {
    int32x4_t sums[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (size_t i = 0; i < count; i += PART_ROWS) {
        int8x16_t narrow = vld1q_s8(row + i);
        int16x8_t first = vmovl_s8(vget_low_s8(narrow)), second = vmovl_high_s8(narrow);
        int16x8_t query_first = vld1q_s16(query + i), query_second = vld1q_s16(query + i + 8);
        sums[0] = vmlal_s16(sums[0], vget_low_s16(first), vget_low_s16(query_first));
        sums[1] = vmlal_high_s16(sums[1], first, query_first);
        sums[0] = vmlal_s16(sums[0], vget_low_s16(second), vget_low_s16(query_second));
        sums[1] = vmlal_high_s16(sums[1], second, query_second);
    }
    return vaddvq_s32(vaddq_s32(sums[0], sums[1]));
}
