// What this processor can do and the operating system lets us use (CPUID and XGETBV both).
// Tiers, lowest first:
//   scalar   any x86-64 (SSE2 by the compiler), any other architecture
//   avx2     AVX2, FMA and F16C: Intel since Haswell 2013, AMD since Zen 1 2017
//   avx512   AVX-512 F, BW, DQ, VL: Intel servers since 2017, AMD since Zen 4 2022
//   neon     every 64-bit ARM
#pragma once

#include <stdbool.h>

enum kernel_tier { KERNEL_SCALAR, KERNEL_NEON, KERNEL_AVX2, KERNEL_AVX512, KERNEL_TIER_COUNT };

bool cpu_supports(enum kernel_tier tier);
const char *kernel_tier_name(enum kernel_tier tier);
// The processor's brand text, for `bench` and logs; "unknown" when it tells none.
const char *cpu_name(void);
