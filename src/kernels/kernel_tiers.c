// One row per tier. The sizes of the tiles are told in the tiers' gemm and int8 files; from how
// many rows packing pays was measured (docs/speed-log.md), for scalar and NEON only guessed.
#include "kernels/kernels_internal.h"

#define TIER_TABLE(tier_value, name, columns, rows, min_rows, q_name, int8_name, i_rows, i_blocks) \
    [tier_value] = {                                                                               \
        .tier = tier_value,                                                                        \
        .panel_columns = columns,                                                                  \
        .tile_rows = rows,                                                                         \
        .panel_min_rows = min_rows,                                                                \
        .panel_pack = panel_pack_##name,                                                           \
        .panel_multiply = panel_multiply_##name,                                                   \
        .rows_multiply = rows_multiply_##name,                                                     \
        .dot = dot_##name,                                                                         \
        .row_finish = row_finish_##name,                                                           \
        .row_maximum = row_maximum_##name,                                                         \
        .row_exponentiate = row_exponentiate_##name,                                               \
        .row_normalize = row_normalize_##name,                                                     \
        .row_widen = row_widen_##name,                                                             \
        .int8_rows = i_rows,                                                                       \
        .int8_blocks = i_blocks,                                                                   \
        .row_range = row_range_##q_name,                                                           \
        .row_quantize = row_quantize_##q_name,                                                     \
        .int8_multiply = int8_multiply_##int8_name,                                                \
        .row_dequantize = row_dequantize_##q_name,                                                 \
    }

static const struct kernels tables[KERNEL_TIER_COUNT] = {
    TIER_TABLE(KERNEL_SCALAR, scalar, 8, 4, 12, scalar, scalar, 4, 1),
#if defined(__x86_64__)
    TIER_TABLE(KERNEL_AVX2, avx2, 16, 6, 96, scalar, scalar, 4, 1),
    TIER_TABLE(KERNEL_AVX_VNNI, avx2, 16, 6, 96, scalar, scalar, 4, 1),
    TIER_TABLE(KERNEL_AVX512, avx512, 32, 12, 96, avx512, scalar, 4, 1),
    TIER_TABLE(KERNEL_AVX512_VNNI, avx512, 32, 12, 96, avx512, avx512vnni, 12, 2),
#elif defined(__aarch64__)
    TIER_TABLE(KERNEL_NEON, neon, 16, 6, 24, scalar, scalar, 4, 1),
    TIER_TABLE(KERNEL_NEON_DOT, neon, 16, 6, 24, scalar, scalar, 4, 1),
#endif
};

const struct kernels *kernels_of_tier(enum kernel_tier tier) {
    return tables[tier].panel_columns == 0 ? NULL : &tables[tier];
}
