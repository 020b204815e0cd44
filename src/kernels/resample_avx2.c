// Weighing: 64 bytes at a time as eight sums of 8 lanes, so that a weight is spread once for eight
// products. Turning: 16 x 16 bytes in four rounds of interleaving row i with row i + 8.
#include <immintrin.h>

#include "kernels/resample_internal.h"

enum { GROUP = 16 };  // bytes that become two registers of sums

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i shifted(__m256i sum) { return _mm256_srai_epi32(sum, RESAMPLE_WEIGHT_BITS); }

// `groups` is a constant wherever this is inlined, which keeps the sums in registers.
ALWAYS_INLINE void weigh_groups(const int groups, const uint8_t *rows, size_t stride,
                                const int32_t *weights, size_t taps, uint8_t *out) {
    __m256i sums[8];
#pragma GCC unroll 8
    for (int i = 0; i < 2 * groups; i++)
        sums[i] = _mm256_set1_epi32(1 << (RESAMPLE_WEIGHT_BITS - 1));
    for (size_t tap = 0; tap < taps; tap++) {
        const uint8_t *row = rows + tap * stride;
        __m256i weight = _mm256_set1_epi32(weights[tap]);
#pragma GCC unroll 8
        for (int i = 0; i < 2 * groups; i++) {
            __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(row + 8 * i)));
            sums[i] = _mm256_add_epi32(sums[i], _mm256_mullo_epi32(bytes, weight));
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < groups; i++) {
        // Packing saturates, and leaves the halves of the registers in the order 0 2 1 3.
        __m256i words = _mm256_packs_epi32(shifted(sums[2 * i]), shifted(sums[2 * i + 1]));
        words = _mm256_permute4x64_epi64(words, 0xd8);
        __m128i bytes =
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(out + GROUP * i), bytes);
    }
}

void rows_weigh_avx2(const uint8_t *rows, size_t stride, const int32_t *weights, size_t taps,
                     size_t count, uint8_t *out) {
    if (count < GROUP) {
        rows_weigh_scalar(rows, stride, weights, taps, count, out);
        return;
    }
    size_t at = 0;
    for (; at + 4 * GROUP <= count; at += 4 * GROUP)
        weigh_groups(4, rows + at, stride, weights, taps, out + at);
    if (at + 3 * GROUP <= count) {
        weigh_groups(3, rows + at, stride, weights, taps, out + at);
        at += 3 * GROUP;
    }
    for (; at + GROUP <= count; at += GROUP)
        weigh_groups(1, rows + at, stride, weights, taps, out + at);
    // The last group once more, further left: the same sums for the bytes it shares.
    if (at < count) {
        at = count - GROUP;
        weigh_groups(1, rows + at, stride, weights, taps, out + at);
    }
}

ALWAYS_INLINE void turn_block(const uint8_t *from, size_t from_stride, uint8_t *to,
                              size_t to_stride) {
    __m128i even[16];
    __m128i odd[16];
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++)
        even[i] = _mm_loadu_si128((const __m128i *)(from + i * from_stride));
#pragma GCC unroll 2
    for (int round = 0; round < 2; round++) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            odd[2 * i] = _mm_unpacklo_epi8(even[i], even[i + 8]);
            odd[2 * i + 1] = _mm_unpackhi_epi8(even[i], even[i + 8]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            even[2 * i] = _mm_unpacklo_epi8(odd[i], odd[i + 8]);
            even[2 * i + 1] = _mm_unpackhi_epi8(odd[i], odd[i + 8]);
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; i++) _mm_storeu_si128((__m128i *)(to + i * to_stride), even[i]);
}

void matrix_turn_avx2(const uint8_t *from, size_t from_stride, size_t rows, size_t columns,
                      uint8_t *to, size_t to_stride) {
    size_t whole_rows = rows / 16 * 16;
    size_t whole_columns = columns / 16 * 16;
    for (size_t row = 0; row < whole_rows; row += 16)
        for (size_t column = 0; column < whole_columns; column += 16)
            turn_block(from + row * from_stride + column, from_stride,
                       to + column * to_stride + row, to_stride);
    matrix_turn_scalar(from + whole_columns, from_stride, whole_rows, columns - whole_columns,
                       to + whole_columns * to_stride, to_stride);
    matrix_turn_scalar(from + whole_rows * from_stride, from_stride, rows - whole_rows, columns,
                       to + whole_rows, to_stride);
}
