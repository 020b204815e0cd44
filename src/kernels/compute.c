// Chooses the tier, once, and owns the scratch and the threads.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/kernels_internal.h"

static bool is_usable(enum kernel_tier tier) {
    return kernels_of_tier(tier) != NULL && cpu_supports(tier);
}

static enum kernel_tier best_tier(void) {
    int tier = KERNEL_TIER_COUNT - 1;
    while (tier > KERNEL_SCALAR && !is_usable((enum kernel_tier)tier)) tier--;
    return (enum kernel_tier)tier;
}

static bool find_tier(const char *name, enum kernel_tier *found, struct error *err) {
    int tier = 0;
    while (tier < KERNEL_TIER_COUNT && strcmp(name, kernel_tier_name((enum kernel_tier)tier)) != 0)
        tier++;
    if (tier == KERNEL_TIER_COUNT)
        return error_set(err, ERROR_USAGE,
                         "there are no kernels named \"%s\"; IMGROUTER_KERNELS is one of auto, "
                         "scalar, avx2, avxvnni, avx512, avx512vnni, neon, neondot",
                         name);
    *found = (enum kernel_tier)tier;
    if (is_usable(*found)) return true;
    return error_set(err, ERROR_UNSUPPORTED,
                     "this processor (%s) cannot run the %s kernels; set IMGROUTER_KERNELS=auto",
                     cpu_name(), name);
}

struct compute *compute_create(const char *tier, size_t threads, struct error *err) {
    if (tier == NULL) tier = getenv("IMGROUTER_KERNELS");
    bool is_auto = tier == NULL || tier[0] == '\0' || strcmp(tier, "auto") == 0;
    enum kernel_tier chosen = best_tier();
    if (!is_auto && !find_tier(tier, &chosen, err)) return NULL;

    struct compute *compute = memory_alloc(sizeof *compute);
    compute->tier = chosen;
    compute->kernels = kernels_of_tier(chosen);
    compute->pool = thread_pool_create(threads, err);
    if (compute->pool == NULL) goto out;
    compute->threads = thread_pool_size(compute->pool);
    compute->scratch =
        memory_try_aligned(compute->threads, KERNELS_SCRATCH_FLOATS * sizeof *compute->scratch);
    compute->quantized = memory_try_aligned(1, sizeof *compute->quantized);
    if (compute->scratch == NULL || compute->quantized == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the kernels; use fewer threads");
        goto out;
    }
    return compute;
out:
    compute_destroy(compute);
    return NULL;
}

void compute_destroy(struct compute *compute) {
    if (compute == NULL) return;
    thread_pool_destroy(compute->pool);
    memory_free(compute->scratch);
    memory_free(compute->quantized);
    memory_free(compute);
}

enum kernel_tier compute_tier(const struct compute *compute) { return compute->tier; }
size_t compute_threads(const struct compute *compute) { return compute->threads; }
bool compute_gains_by_int8(const struct compute *compute) {
    return compute->kernels->gains_by_int8;
}
