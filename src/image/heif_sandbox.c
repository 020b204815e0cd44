#define _GNU_SOURCE  // sched_setaffinity
#include "image/heif_sandbox.h"

#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "image/heif_syscalls.h"

enum {
    // Five times what the slowest picture took (48 megapixels of noise, HEIC in tiles).
    CPU_LIMIT_S = 20,
    DESCRIPTOR_LIMIT = 16,
    // Address space without any pixels. Measured: 1 MiB (AVIF), 9 MiB (HEIC); a HEIC in tiles has
    // up to eight threads, each with a stack of 8 MiB.
    FIXED_BYTES = 128 << 20,
    // The compressed picture: libheif's copy, the decoder's, one with start codes, one to spare.
    COPIES_OF_FILE = 4,
    // Measured on 12 to 63 megapixels, libheif 1.15 and 1.19: 6 (8 bits, 4:2:0) to 19.5 (12 bits,
    // 4:4:4 and alpha). At 64 megapixels and 20 MiB this makes 1.8 GB in all.
    BYTES_PER_PIXEL = 24,
};

static bool is_confined;
static uint64_t fixed_bytes;  // what the process may take for a picture without pixels

static bool limit_set(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return false;
    if (hard < limit.rlim_max) limit.rlim_max = hard;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return setrlimit(resource, &limit) == 0;
}

// What program and libraries have mapped so far: it differs by a hundred megabytes from one
// distribution to the next.
static uint64_t mapped_bytes(void) {
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fgets(line, sizeof line, file) == NULL) line[0] = '\0';
    (void)fclose(file);
    return strtoull(line, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);  // its first number
}

static bool memory_limit(uint64_t pixels, uint64_t max_pixels) {
#ifdef IMGROUTER_SANITIZED
    // A sanitizer's shadow is terabytes of address space.
    (void)pixels;
    (void)max_pixels;
    return true;
#else
    return limit_set(RLIMIT_AS, fixed_bytes + pixels * BYTES_PER_PIXEL,
                     fixed_bytes + max_pixels * BYTES_PER_PIXEL);
#endif
}

bool heif_sandbox_enter(uint64_t max_pixels, size_t file_size) {
    uint64_t mapped = mapped_bytes();
    // Each thread's own heap would reserve 64 MiB of address space.
    (void)mallopt(M_ARENA_MAX, 1);
    fixed_bytes = mapped + FIXED_BYTES + (uint64_t)file_size * COPIES_OF_FILE;
    is_confined = true;
    bool is_ok = mapped > 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
                 limit_set(RLIMIT_CORE, 0, 0) && limit_set(RLIMIT_FSIZE, 0, 0) &&
                 limit_set(RLIMIT_NOFILE, DESCRIPTOR_LIMIT, DESCRIPTOR_LIMIT) &&
                 limit_set(RLIMIT_CPU, CPU_LIMIT_S, CPU_LIMIT_S) && memory_limit(0, max_pixels);
    if (is_ok) heif_syscalls_restrict();
    return is_ok;
}

void heif_sandbox_use_one_processor(void) {
    cpu_set_t one;
    int processor = sched_getcpu();
    CPU_ZERO(&one);
    if (processor < 0 || processor >= CPU_SETSIZE) return;
    CPU_SET(processor, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

void heif_sandbox_allow(uint64_t pixels) {
    if (is_confined) (void)memory_limit(pixels, pixels);
}
