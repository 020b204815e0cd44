// Detection by CPUID and, for the wide registers, XGETBV: a processor may have AVX-512 while the
// operating system (or a hypervisor) does not save its registers, and then using it would fault.
#include "kernels/cpu_features.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

enum { CPU_NAME_SIZE = 64 };

static struct {
    bool is_supported[KERNEL_TIER_COUNT];
    char name[CPU_NAME_SIZE];
} features;
static pthread_once_t features_once = PTHREAD_ONCE_INIT;

#if defined(__x86_64__)
// Bits of XCR0 (Intel SDM volume 1, 13.3): SSE and AVX state; opmask and both halves of ZMM.
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static uint64_t read_xcr0(void) {
    uint32_t low;
    uint32_t high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void detect_tiers(void) {
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return;
    unsigned wanted = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    if ((ecx & wanted) != wanted) return;
    uint64_t xcr0 = read_xcr0();
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return;
    if ((xcr0 & XCR0_AVX) != XCR0_AVX || (ebx & bit_AVX2) == 0) return;
    features.is_supported[KERNEL_AVX2] = true;
    wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    bool has_avx512 = (xcr0 & XCR0_AVX512) == XCR0_AVX512 && (ebx & wanted) == wanted;
    features.is_supported[KERNEL_AVX512] = has_avx512;
    features.is_supported[KERNEL_AVX512_VNNI] = has_avx512 && (ecx & bit_AVX512VNNI) != 0;
    if (!__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) return;
    features.is_supported[KERNEL_AVX_VNNI] = (eax & bit_AVXVNNI) != 0;
}

static void detect_name(void) {
    // Leaves 0x80000002 to 0x80000004 hold 48 bytes of text, padded with spaces or NULs.
    unsigned words[12];
    for (unsigned i = 0; i < 3; i++) {
        unsigned *four = words + 4 * i;
        if (!__get_cpuid(0x80000002U + i, &four[0], &four[1], &four[2], &four[3])) return;
    }
    char text[sizeof words + 1] = {0};
    memcpy(text, words, sizeof words);
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    while (length > 0 && start[length - 1] == ' ') length--;
    if (length == 0) return;
    memcpy(features.name, start, length);
    features.name[length] = '\0';
}
#elif defined(__aarch64__)
static void detect_tiers(void) {
    features.is_supported[KERNEL_NEON] = true;
    features.is_supported[KERNEL_NEON_DOT] = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}
static void detect_name(void) {}
#else
static void detect_tiers(void) {}
static void detect_name(void) {}
#endif

static void detect(void) {
    memcpy(features.name, "unknown", sizeof "unknown");
    features.is_supported[KERNEL_SCALAR] = true;
    detect_tiers();
    detect_name();
}

bool cpu_supports(enum kernel_tier tier) {
    (void)pthread_once(&features_once, detect);
    return features.is_supported[tier];
}

const char *cpu_name(void) {
    (void)pthread_once(&features_once, detect);
    return features.name;
}

const char *kernel_tier_name(enum kernel_tier tier) {
    static const char *const names[KERNEL_TIER_COUNT] = {
        [KERNEL_SCALAR] = "scalar",          [KERNEL_NEON] = "neon",
        [KERNEL_NEON_DOT] = "neondot",       [KERNEL_AVX2] = "avx2",
        [KERNEL_AVX_VNNI] = "avxvnni",       [KERNEL_AVX512] = "avx512",
        [KERNEL_AVX512_VNNI] = "avx512vnni",
    };
    return names[tier];
}
