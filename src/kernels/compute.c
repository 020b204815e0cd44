// Chooses the tier, once, proves it, and owns the scratch and the threads.
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "kernels/self_test.h"

// A bit for each tier that this process has found right: every space of vectors has a compute of
// its own. Those found wrong are not kept, so that whoever comes to one learns of it.
static atomic_uint proven_tiers;

static bool is_usable(enum kernel_tier tier) {
    return kernels_of_tier(tier) != NULL && cpu_supports(tier);
}

// The best that is below another; every processor has scalar.
static enum kernel_tier tier_below(int tier) {
    tier--;
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

bool compute_prove(struct compute *compute, bool is_named, struct error *err) {
    const char *operation;
    while (!self_test_compute(compute, &operation) ||
           !self_test_resample(resample_kernels_of_tier(compute->tier), &operation) ||
           !self_test_codes(code_kernels_of_tier(compute->tier), &operation)) {
        const char *name = kernel_tier_name(compute->tier);
        if (is_named)
            return error_set(err, ERROR_UNSUPPORTED,
                             "the %s kernels compute wrongly on this processor (%s): %s; set "
                             "IMGROUTER_KERNELS=auto",
                             name, cpu_name(), operation);
        if (compute->tier == KERNEL_SCALAR)
            return error_set(err, ERROR_INTERNAL,
                             "no kernels compute rightly on this machine (%s), not even the scalar "
                             "ones: %s; its processor or memory is probably damaged",
                             cpu_name(), operation);
        compute->tier = tier_below((int)compute->tier);
        compute->kernels = kernels_of_tier(compute->tier);
        if (compute->failed_tier == NULL) compute->failed_tier = name;
        log_warning(
            "the %s kernels compute wrongly on this processor (%s): %s. The %s kernels are used "
            "instead. Please report the processor; IMGROUTER_KERNELS=%s silences this",
            name, cpu_name(), operation, kernel_tier_name(compute->tier),
            kernel_tier_name(compute->tier));
    }
    return true;
}

struct compute *compute_create(const char *tier, size_t threads, struct error *err) {
    if (tier == NULL) tier = getenv("IMGROUTER_KERNELS");
    bool is_auto = tier == NULL || tier[0] == '\0' || strcmp(tier, "auto") == 0;
    enum kernel_tier chosen = tier_below(KERNEL_TIER_COUNT);
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
    if ((atomic_load(&proven_tiers) >> compute->tier & 1) != 0) return compute;
    if (!compute_prove(compute, !is_auto, err)) goto out;
    atomic_fetch_or(&proven_tiers, 1u << compute->tier);
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

const char *compute_failed_tier(const struct compute *compute) { return compute->failed_tier; }
size_t compute_threads(const struct compute *compute) { return compute->threads; }
bool compute_gains_by_int8(const struct compute *compute) {
    return compute->kernels->gains_by_int8;
}
