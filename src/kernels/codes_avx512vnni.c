// VPDPWSSD multiplies pairs of 16 bits and adds them up in one instruction.
#include <immintrin.h>

#include "kernels/codes_internal.h"

int32_t row_multiply_avx512vnni(const int8_t *row, const int16_t *query, size_t count) {
    __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (size_t i = 0; i < count; i += CODES_WIDTH_STEP) {
#pragma GCC unroll 2
        for (size_t half = 0; half < 2; half++) {
            const void *of_row = row + i + half * 32;
            __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)of_row));
            __m512i of_query = _mm512_loadu_si512(query + i + half * 32);
            sums[half] = _mm512_dpwssd_epi32(sums[half], wide, of_query);
        }
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
}
