// Chooses the tier, once, and owns the scratch and the threads.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/kernels_internal.h"

static const struct kernels *choose_best(void) {
    enum kernel_tier best = KERNEL_SCALAR;  // every build has it
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        bool is_there = kernels_of_tier((enum kernel_tier)tier) != NULL;
        if (is_there && cpu_supports((enum kernel_tier)tier)) best = (enum kernel_tier)tier;
    }
    return kernels_of_tier(best);
}

static const struct kernels *choose_named(const char *name, struct error *err) {
    for (int i = 0; i < KERNEL_TIER_COUNT; i++) {
        enum kernel_tier tier = (enum kernel_tier)i;
        if (strcmp(name, kernel_tier_name(tier)) != 0) continue;
        const struct kernels *kernels = kernels_of_tier(tier);
        if (kernels != NULL && cpu_supports(tier)) return kernels;
        error_set(err, ERROR_UNSUPPORTED,
                  "this processor (%s) cannot run the %s kernels; set IMGROUTER_KERNELS=auto",
                  cpu_name(), name);
        return NULL;
    }
    error_set(err, ERROR_USAGE,
              "there are no kernels named \"%s\"; IMGROUTER_KERNELS is one of auto, scalar, "
              "avx2, avxvnni, avx512, avx512vnni, neon, neondot",
              name);
    return NULL;
}

struct compute *compute_create(const char *tier, size_t threads, struct error *err) {
    if (tier == NULL) tier = getenv("IMGROUTER_KERNELS");
    bool is_auto = tier == NULL || tier[0] == '\0' || strcmp(tier, "auto") == 0;
    const struct kernels *kernels = is_auto ? choose_best() : choose_named(tier, err);
    if (kernels == NULL) return NULL;

    struct compute *compute = memory_alloc(sizeof *compute);
    compute->kernels = kernels;
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

enum kernel_tier compute_tier(const struct compute *compute) { return compute->kernels->tier; }
size_t compute_threads(const struct compute *compute) { return compute->threads; }
