// Weighing as in resample_avx2.c, with sums of 16 lanes; the last bytes of a row are masked.
#include <immintrin.h>

#include "kernels/resample_internal.h"

enum { GROUP = 16 };  // bytes that become one register of sums

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// `groups` is a constant wherever this is inlined, which keeps the sums in registers. `last` are
// the bytes of the last group that exist.
ALWAYS_INLINE void weigh_groups(const int groups, __mmask16 last, const uint8_t *rows,
                                size_t stride, const int32_t *weights, size_t taps, uint8_t *out) {
    __m512i sums[4];
#pragma GCC unroll 4
    for (int i = 0; i < groups; i++) sums[i] = _mm512_set1_epi32(1 << (RESAMPLE_WEIGHT_BITS - 1));
    for (size_t tap = 0; tap < taps; tap++) {
        const uint8_t *row = rows + tap * stride;
        __m512i weight = _mm512_set1_epi32(weights[tap]);
#pragma GCC unroll 4
        for (int i = 0; i < groups; i++) {
            const uint8_t *group = row + GROUP * i;
            __m128i bytes = i + 1 < groups ? _mm_loadu_si128((const __m128i *)group)
                                           : _mm_maskz_loadu_epi8(last, group);
            sums[i] =
                _mm512_add_epi32(sums[i], _mm512_mullo_epi32(_mm512_cvtepu8_epi32(bytes), weight));
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < groups; i++) {
        // The narrowing clips at 255 only, and takes its lanes for unsigned.
        __m512i values = _mm512_max_epi32(_mm512_srai_epi32(sums[i], RESAMPLE_WEIGHT_BITS),
                                          _mm512_setzero_si512());
        _mm_mask_storeu_epi8(out + GROUP * i, i + 1 < groups ? 0xffff : last,
                             _mm512_cvtusepi32_epi8(values));
    }
}

void rows_weigh_avx512(const uint8_t *rows, size_t stride, const int32_t *weights, size_t taps,
                       size_t count, uint8_t *out) {
    const __mmask16 all = 0xffff;
    size_t at = 0;
    for (; at + 4 * GROUP <= count; at += 4 * GROUP)
        weigh_groups(4, all, rows + at, stride, weights, taps, out + at);
    if (at + 3 * GROUP <= count) {
        weigh_groups(3, all, rows + at, stride, weights, taps, out + at);
        at += 3 * GROUP;
    }
    for (; at < count; at += GROUP) {
        size_t left = count - at;
        __mmask16 last = left < GROUP ? (__mmask16)((1U << left) - 1) : all;
        weigh_groups(1, last, rows + at, stride, weights, taps, out + at);
    }
}
