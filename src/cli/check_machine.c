// The machine: what its processor can do, and what this process may take.
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/processors.h"
#include "cli/check.h"
#include "kernels/cpu_features.h"

enum {
    MEMORY_NEEDED_MB = 700,         // both full models with 8 bits, and pictures at work
    OPEN_FILES_NEEDED = 1024 + 64,  // connections of the server, and what else it opens
};

void check_processor(const struct settings *settings, struct check_result *result) {
    (void)settings;
    int best = KERNEL_SCALAR;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++)
        if (cpu_supports((enum kernel_tier)tier)) best = tier;
    const char *name = kernel_tier_name((enum kernel_tier)best);
    if (best == KERNEL_SCALAR)
        check_set(result, CHECK_WARNING,
                  "%s has no vector instructions that we use (AVX2 or NEON); everything works, "
                  "several times slower",
                  cpu_name());
    else
        check_set(result, CHECK_OK, "%s: %s kernels on %zu threads", cpu_name(), name,
                  processor_count());
}

void check_memory(const struct settings *settings, struct check_result *result) {
    (void)settings;
    char line[128];
    long long available_kb = -1;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %lld kB", &available_kb) == 1) break;
    if (file != NULL) (void)fclose(file);
    if (available_kb < 0) {
        check_set(result, CHECK_OK, "the system does not tell how much memory there is");
        return;
    }
    long long available_mb = available_kb / 1024;
    check_set(result, available_mb < MEMORY_NEEDED_MB ? CHECK_WARNING : CHECK_OK,
              "%lld MB can be had; both full models take about %d MB with 8 bits", available_mb,
              MEMORY_NEEDED_MB);
    if (available_mb < MEMORY_NEEDED_MB)
        check_mend(result, "end other programs, or serve the demo models: USE_MOCK_MODELS=auto");
}

void check_open_files(const struct settings *settings, struct check_result *result) {
    (void)settings;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= OPEN_FILES_NEEDED) {
        check_set(result, CHECK_OK, "enough files may be open for every connection");
        return;
    }
    check_set(result, CHECK_WARNING,
              "%llu files may be open; a server with all its connections needs %d",
              (unsigned long long)limit.rlim_cur, OPEN_FILES_NEEDED);
    check_mend(result, "ulimit -n 4096");
}
