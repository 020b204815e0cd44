// What this processor can do and the operating system lets us use (CPUID and XGETBV both).
// Tiers, lowest first:
//   scalar      any x86-64 (SSE2 by the compiler), any other architecture
//   neon        every 64-bit ARM
//   neondot     with SDOT: ARM since Cortex-A55 and A75 2017, Apple since A11
//   avx2        AVX2, FMA and F16C: Intel since Haswell 2013, AMD since Zen 1 2017
//   avxvnni     with AVX-VNNI: Intel since Alder Lake 2021, AMD since Zen 5 2024
//   avx512      AVX-512 F, BW, DQ, VL: Intel servers since 2017
//   avx512vnni  with AVX512-VNNI: Intel servers since Cascade Lake 2019, AMD since Zen 4 2022
// The two of a pair differ in their products of int8 only.
#pragma once

#include <stdbool.h>

enum kernel_tier {
    KERNEL_SCALAR,
    KERNEL_NEON,
    KERNEL_NEON_DOT,
    KERNEL_AVX2,
    KERNEL_AVX_VNNI,
    KERNEL_AVX512,
    KERNEL_AVX512_VNNI,
    KERNEL_TIER_COUNT
};

bool cpu_supports(enum kernel_tier tier);
const char *kernel_tier_name(enum kernel_tier tier);
// The processor's brand text, for `bench` and logs; "unknown" when it tells none.
const char *cpu_name(void);
