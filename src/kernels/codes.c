#include "kernels/codes.h"

#include "kernels/codes_internal.h"

static const struct code_kernels tables[KERNEL_TIER_COUNT] = {
    [KERNEL_SCALAR] = {block_sum_scalar, block_select_scalar, row_multiply_scalar},
#if defined(__x86_64__)
    [KERNEL_AVX2] = {block_sum_avx2, block_select_avx2, row_multiply_avx2},
    [KERNEL_AVX_VNNI] = {block_sum_avx2, block_select_avx2, row_multiply_avx2},
    [KERNEL_AVX512] = {block_sum_avx512, block_select_avx512, row_multiply_avx512},
    [KERNEL_AVX512_VNNI] = {block_sum_avx512, block_select_avx512, row_multiply_avx512vnni},
#elif defined(__aarch64__)
    [KERNEL_NEON] = {block_sum_neon, block_select_neon, row_multiply_neon},
    [KERNEL_NEON_DOT] = {block_sum_neon, block_select_neon, row_multiply_neon},
#endif
};

const struct code_kernels *code_kernels_of_tier(enum kernel_tier tier) {
    return tables[tier].block_sum == NULL ? NULL : &tables[tier];
}
