// One row per tier. The sizes of the tiles are told in the tiers' gemm and int8 files; from how
// many rows packing pays was measured (docs/speed-log.md), for scalar and NEON only guessed.
#include "kernels/kernels_internal.h"

#define FLOAT_KERNELS(name, columns, rows, min_rows)                                       \
    .panel_columns = columns, .tile_rows = rows, .panel_min_rows = min_rows,               \
    .panel_pack = panel_pack_##name, .panel_multiply = panel_multiply_##name,              \
    .rows_multiply = rows_multiply_##name, .dot = dot_##name, .rows_add = rows_add_##name, \
    .row_finish = row_finish_##name, .row_maximum = row_maximum_##name,                    \
    .row_exponentiate = row_exponentiate_##name, .row_normalize = row_normalize_##name,    \
    .row_widen = row_widen_##name, .row_range = row_range_##name,                          \
    .row_quantize = row_quantize_##name, .tile_finish = tile_finish_##name

#define INT8_KERNELS(name, rows, blocks, maximum, offset, is_faster)      \
    .gains_by_int8 = is_faster, .int8_rows = rows, .int8_blocks = blocks, \
    .int8_byte_maximum = maximum, .int8_byte_offset = offset,             \
    .int8_multiply = int8_multiply_##name

#define INT16_KERNELS(name)                      \
    .int16 = {.peaks = int16_peaks_##name,       \
              .multiply = int16_multiply_##name, \
              .narrow = int16_narrow_##name,     \
              .pair = int16_pair_##name,         \
              .weigh = int16_weigh_##name}

static const struct kernels tables[KERNEL_TIER_COUNT] = {
    [KERNEL_SCALAR] = {FLOAT_KERNELS(scalar, 8, 4, 12), INT8_KERNELS(scalar, 4, 1, 255, 0, false),
                       INT16_KERNELS(scalar)},
#if defined(__x86_64__)
    [KERNEL_AVX2] = {FLOAT_KERNELS(avx2, 16, 6, 48), INT8_KERNELS(avx2, 6, 2, 127, 0, true),
                     INT16_KERNELS(avx2)},
    [KERNEL_AVX_VNNI] = {FLOAT_KERNELS(avx2, 16, 6, 48), INT8_KERNELS(avxvnni, 6, 2, 255, 0, true),
                         INT16_KERNELS(avx2)},
    [KERNEL_AVX512] = {FLOAT_KERNELS(avx512, 32, 12, 14), INT8_KERNELS(avx2, 6, 2, 127, 0, false)},
    [KERNEL_AVX512_VNNI] = {FLOAT_KERNELS(avx512, 32, 12, 14),
                            INT8_KERNELS(avx512vnni, 12, 2, 255, 0, true),
                            INT16_KERNELS(avx512vnni)},
#elif defined(__aarch64__)
    [KERNEL_NEON] = {FLOAT_KERNELS(neon, 16, 6, 24), INT8_KERNELS(neon, 2, 2, 255, 128, true)},
    [KERNEL_NEON_DOT] = {FLOAT_KERNELS(neon, 16, 6, 24),
                         INT8_KERNELS(neondot, 4, 2, 255, 128, true)},
#endif
};

const struct kernels *kernels_of_tier(enum kernel_tier tier) {
    return tables[tier].panel_columns == 0 ? NULL : &tables[tier];
}
