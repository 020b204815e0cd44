#include "kernels/resample.h"

#include <stdatomic.h>

#include "kernels/resample_internal.h"

static const struct resample_kernels tables[KERNEL_TIER_COUNT] = {
    [KERNEL_SCALAR] = {rows_weigh_scalar, matrix_turn_scalar},
#if defined(__x86_64__)
    [KERNEL_AVX2] = {rows_weigh_avx2, matrix_turn_avx2},
    [KERNEL_AVX_VNNI] = {rows_weigh_avx2, matrix_turn_avx2},
    // Turning is bound by its unpacking, which wider registers would not make fewer.
    [KERNEL_AVX512] = {rows_weigh_avx512, matrix_turn_avx2},
    [KERNEL_AVX512_VNNI] = {rows_weigh_avx512, matrix_turn_avx2},
#elif defined(__aarch64__)
    [KERNEL_NEON] = {rows_weigh_neon, matrix_turn_neon},
    [KERNEL_NEON_DOT] = {rows_weigh_neon, matrix_turn_neon},
#endif
};

static _Atomic(const struct resample_kernels *) chosen;

const struct resample_kernels *resample_kernels_of_tier(enum kernel_tier tier) {
    return tables[tier].rows_weigh == NULL ? NULL : &tables[tier];
}

const struct resample_kernels *resample_kernels(void) {
    const struct resample_kernels *kernels = atomic_load(&chosen);
    if (kernels != NULL) return kernels;
    enum kernel_tier best = KERNEL_SCALAR;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++)
        if (resample_kernels_of_tier((enum kernel_tier)tier) != NULL &&
            cpu_supports((enum kernel_tier)tier))
            best = (enum kernel_tier)tier;
    resample_use_tier(best);
    return &tables[best];
}

void resample_use_tier(enum kernel_tier tier) { atomic_store(&chosen, &tables[tier]); }
