// As codes_avx512.c, 32 rows at a time: half a block, twice.
#include <immintrin.h>

#include "kernels/codes_internal.h"

enum { BYTES_AT_ONCE = 4, HALF_ROWS = CODES_BLOCK_ROWS / 2, LANES = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i table_at(const uint8_t *tables, size_t number) {
    const void *table = tables + number * CODES_PATTERNS;
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

ALWAYS_INLINE void store(uint16_t *to, __m256i numbers) {
    _mm256_storeu_si256((__m256i *)(void *)to, numbers);
}

static void sum_half(const uint8_t *codes, const uint8_t *tables, size_t bytes, uint16_t *sums) {
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i all = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
    for (size_t byte = 0; byte < bytes; byte += BYTES_AT_ONCE) {
        __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
#pragma GCC unroll 4
        for (size_t i = 0; i < BYTES_AT_ONCE; i++) {
            const void *of_rows = codes + i * CODES_BLOCK_ROWS;
            __m256i code = _mm256_loadu_si256((const __m256i *)of_rows);
            __m256i first = _mm256_and_si256(code, nibble);
            __m256i second = _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble);
            low = _mm256_add_epi8(low, _mm256_shuffle_epi8(table_at(tables, 2 * i), first));
            high = _mm256_add_epi8(high, _mm256_shuffle_epi8(table_at(tables, 2 * i + 1), second));
        }
        __m256i eight = _mm256_add_epi8(low, high);
        all = _mm256_add_epi16(all, eight);
        odd = _mm256_add_epi16(odd, _mm256_srli_epi16(eight, 8));
        codes += BYTES_AT_ONCE * CODES_BLOCK_ROWS;
        tables += 2 * BYTES_AT_ONCE * CODES_PATTERNS;
    }
    __m256i even = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));
    __m256i first = _mm256_unpacklo_epi16(even, odd), second = _mm256_unpackhi_epi16(even, odd);
    store(sums, _mm256_permute2x128_si256(first, second, 0x20));
    store(sums + HALF_ROWS / 2, _mm256_permute2x128_si256(first, second, 0x31));
}

void block_sum_avx2(const uint8_t *codes, const uint8_t *tables, size_t bytes,
                    uint16_t sums[static CODES_BLOCK_ROWS]) {
    sum_half(codes, tables, bytes, sums);
    sum_half(codes + HALF_ROWS, tables, bytes, sums + HALF_ROWS);
}

uint64_t block_select_avx2(const uint16_t sums[static CODES_BLOCK_ROWS],
                           const float factors[static CODES_BLOCK_ROWS], float step, float offset,
                           float least) {
    uint64_t selected = 0;
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row += LANES) {
        __m128i narrow = _mm_loadu_si128((const __m128i *)(const void *)(sums + row));
        __m256 sum = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(narrow));
        __m256 inner =
            _mm256_add_ps(_mm256_mul_ps(sum, _mm256_set1_ps(step)), _mm256_set1_ps(offset));
        __m256 estimate = _mm256_mul_ps(_mm256_loadu_ps(factors + row), inner);
        __m256 is_enough = _mm256_cmp_ps(estimate, _mm256_set1_ps(least), _CMP_GE_OQ);
        selected |= (uint64_t)(unsigned)_mm256_movemask_ps(is_enough) << row;
    }
    return selected;
}

int32_t row_multiply_avx2(const int8_t *row, const int16_t *query, size_t count) {
    __m256i sums[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                       _mm256_setzero_si256()};
    for (size_t i = 0; i < count; i += CODES_WIDTH_STEP) {
#pragma GCC unroll 4
        for (size_t part = 0; part < 4; part++) {
            const void *of_row = row + i + part * 16;
            const void *of_query = query + i + part * 16;
            __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)of_row));
            __m256i products =
                _mm256_madd_epi16(wide, _mm256_loadu_si256((const __m256i *)of_query));
            sums[part] = _mm256_add_epi32(sums[part], products);
        }
    }
    __m256i all =
        _mm256_add_epi32(_mm256_add_epi32(sums[0], sums[1]), _mm256_add_epi32(sums[2], sums[3]));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
