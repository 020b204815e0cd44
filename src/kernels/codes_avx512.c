// VPSHUFB looks up 64 rows at once in a table that is the same in all four lanes. Eight entries are
// added as bytes, then those sums to sums of 16 bits: the even rows' together with 256 times the
// odd ones', which are added up apart and taken off at the end.
#include <immintrin.h>

#include "kernels/codes_internal.h"

enum { BYTES_AT_ONCE = 4, LANES = 16 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m512i table_at(const uint8_t *tables, size_t number) {
    const void *table = tables + number * CODES_PATTERNS;
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table));
}

void block_sum_avx512(const uint8_t *codes, const uint8_t *tables, size_t bytes,
                      uint16_t sums[static CODES_BLOCK_ROWS]) {
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i all = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
    for (size_t byte = 0; byte < bytes; byte += BYTES_AT_ONCE) {
        __m512i low = _mm512_setzero_si512(), high = _mm512_setzero_si512();
#pragma GCC unroll 4
        for (size_t i = 0; i < BYTES_AT_ONCE; i++) {
            __m512i code = _mm512_loadu_si512(codes + i * CODES_BLOCK_ROWS);
            __m512i first = _mm512_and_si512(code, nibble);
            __m512i second = _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble);
            low = _mm512_add_epi8(low, _mm512_shuffle_epi8(table_at(tables, 2 * i), first));
            high = _mm512_add_epi8(high, _mm512_shuffle_epi8(table_at(tables, 2 * i + 1), second));
        }
        __m512i eight = _mm512_add_epi8(low, high);
        all = _mm512_add_epi16(all, eight);
        odd = _mm512_add_epi16(odd, _mm512_srli_epi16(eight, 8));
        codes += BYTES_AT_ONCE * CODES_BLOCK_ROWS;
        tables += 2 * BYTES_AT_ONCE * CODES_PATTERNS;
    }
    __m512i even = _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8));
    // Back in the order of the rows: pairs of 16 bits, 128 bits of each half in turn.
    __m512i first = _mm512_unpacklo_epi16(even, odd), second = _mm512_unpackhi_epi16(even, odd);
    const __m512i front = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i back = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(sums, _mm512_permutex2var_epi64(first, front, second));
    _mm512_storeu_si512(sums + CODES_BLOCK_ROWS / 2,
                        _mm512_permutex2var_epi64(first, back, second));
}

uint64_t block_select_avx512(const uint16_t sums[static CODES_BLOCK_ROWS],
                             const float factors[static CODES_BLOCK_ROWS], float step, float offset,
                             float least) {
    uint64_t selected = 0;
#pragma GCC unroll 4
    for (size_t row = 0; row < CODES_BLOCK_ROWS; row += LANES) {
        __m256i narrow = _mm256_loadu_si256((const __m256i *)(const void *)(sums + row));
        __m512 sum = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(narrow));
        __m512 inner =
            _mm512_add_ps(_mm512_mul_ps(sum, _mm512_set1_ps(step)), _mm512_set1_ps(offset));
        __m512 estimate = _mm512_mul_ps(_mm512_loadu_ps(factors + row), inner);
        __mmask16 is_enough = _mm512_cmp_ps_mask(estimate, _mm512_set1_ps(least), _CMP_GE_OQ);
        selected |= (uint64_t)is_enough << row;
    }
    return selected;
}

int32_t row_multiply_avx512(const int8_t *row, const int16_t *query, size_t count) {
    __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (size_t i = 0; i < count; i += CODES_WIDTH_STEP) {
#pragma GCC unroll 2
        for (size_t half = 0; half < 2; half++) {
            const void *of_row = row + i + half * 32;
            __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)of_row));
            __m512i of_query = _mm512_loadu_si512(query + i + half * 32);
            sums[half] = _mm512_add_epi32(sums[half], _mm512_madd_epi16(wide, of_query));
        }
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
}
