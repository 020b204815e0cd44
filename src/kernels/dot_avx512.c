// Products with rows of w where they lie: tiles of up to 6 rows of x by 4 rows of w, each pair
// with a register of 16 partial sums that are added up at the end. 10 loads for 24
// multiplications. Ends of rows are masked.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum { ROWS = 6, OUTPUTS = 4, LANES = 16, AHEAD_ROWS = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __mmask16 first_lanes(size_t count) {
    return count >= LANES ? 0xffff : (__mmask16)((1U << count) - 1);
}

float dot_avx512(const float *a, const float *b, size_t count) {
    __m512 sums[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) sums[i] = _mm512_setzero_ps();
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            sums[j] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + j * LANES),
                                      _mm512_loadu_ps(b + i + j * LANES), sums[j]);
        }
    }
    for (; i < count; i += LANES) {
        __mmask16 mask = first_lanes(count - i);
        sums[0] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i),
                                  _mm512_maskz_loadu_ps(mask, b + i), sums[0]);
    }
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

// Two rows at a time, each into sums of its own, since a sum waits for its last addition. Rows lie
// far apart, which the processor does not foresee; what is prefetched behind the last row is an
// address that nobody reads.
ALWAYS_INLINE void add_rows(const size_t registers, __mmask16 last_lanes, const float *weights,
                            size_t rows, const float *w, size_t w_stride, float *sums) {
    __m512 even[4], odd[4];
    const uintptr_t ahead = AHEAD_ROWS * w_stride * sizeof *w;
#pragma GCC unroll 4
    for (size_t j = 0; j < registers; j++) {
        __mmask16 lanes = j + 1 < registers ? 0xffff : last_lanes;
        even[j] = _mm512_maskz_loadu_ps(lanes, sums + j * LANES);
        odd[j] = _mm512_setzero_ps();
    }
    for (size_t row = 0; row < rows; row += 2, w += 2 * w_stride) {
        bool has_odd = row + 1 < rows;
        __m512 first = _mm512_set1_ps(weights[row]);
        __m512 second = has_odd ? _mm512_set1_ps(weights[row + 1]) : _mm512_setzero_ps();
        const float *next = has_odd ? w + w_stride : w;
#pragma GCC unroll 4
        for (size_t j = 0; j < registers; j++) {
            __mmask16 lanes = j + 1 < registers ? 0xffff : last_lanes;
            _mm_prefetch((const char *)((uintptr_t)(w + j * LANES) + ahead), _MM_HINT_T0);
            _mm_prefetch((const char *)((uintptr_t)(next + j * LANES) + ahead), _MM_HINT_T0);
            even[j] = _mm512_fmadd_ps(first, _mm512_maskz_loadu_ps(lanes, w + j * LANES), even[j]);
            if (has_odd)
                odd[j] =
                    _mm512_fmadd_ps(second, _mm512_maskz_loadu_ps(lanes, next + j * LANES), odd[j]);
        }
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < registers; j++) {
        __mmask16 lanes = j + 1 < registers ? 0xffff : last_lanes;
        _mm512_mask_storeu_ps(sums + j * LANES, lanes, _mm512_add_ps(even[j], odd[j]));
    }
}

void rows_add_avx512(const float *weights, size_t rows, const float *w, size_t w_stride,
                     size_t count, float *sums) {
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES)
        add_rows(4, 0xffff, weights, rows, w + i, w_stride, sums + i);
    for (; i < count; i += LANES)
        add_rows(1, first_lanes(count - i), weights, rows, w + i, w_stride, sums + i);
}

// The sums of four registers, side by side.
ALWAYS_INLINE __m128 add_up(const __m512 a[OUTPUTS]) {
    __m512 pairs01 = _mm512_add_ps(_mm512_unpacklo_ps(a[0], a[1]), _mm512_unpackhi_ps(a[0], a[1]));
    __m512 pairs23 = _mm512_add_ps(_mm512_unpacklo_ps(a[2], a[3]), _mm512_unpackhi_ps(a[2], a[3]));
    __m512 all = _mm512_add_ps(_mm512_shuffle_ps(pairs01, pairs23, 0x44),
                               _mm512_shuffle_ps(pairs01, pairs23, 0xee));
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

// One tile. Rows of w beyond `outputs` are read as copies of the last and not stored.
ALWAYS_INLINE void multiply_tile(const size_t rows, const float *x, size_t x_stride, const float *w,
                                 size_t w_stride, size_t outputs, size_t depth, float *sums,
                                 size_t sums_stride) {
    __m512 tile[ROWS][OUTPUTS];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) tile[r][o] = _mm512_setzero_ps();
    }
    const float *w1 = w + (outputs > 1 ? w_stride : 0);
    const float *w2 = w1 + (outputs > 2 ? w_stride : 0);
    const float *w3 = w2 + (outputs > 3 ? w_stride : 0);
    const float *x3 = x + (rows > 3 ? 3 * x_stride : 0);
    size_t k = 0;
    for (; k + LANES <= depth; k += LANES) {
        __m512 of_w[OUTPUTS] = {_mm512_loadu_ps(w + k), _mm512_loadu_ps(w1 + k),
                                _mm512_loadu_ps(w2 + k), _mm512_loadu_ps(w3 + k)};
        // The next four rows, which are then there when their turn comes. Behind the last row this
        // is an address that nobody reads, and a prefetch never faults.
        uintptr_t ahead = (uintptr_t)(w + k) + OUTPUTS * w_stride * sizeof *w;
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) {
            _mm_prefetch((const char *)(ahead + o * w_stride * sizeof *w), _MM_HINT_T0);
        }
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            __m512 of_x = _mm512_loadu_ps((r < 3 ? x + r * x_stride : x3 + (r - 3) * x_stride) + k);
#pragma GCC unroll 4
            for (size_t o = 0; o < OUTPUTS; o++) {
                tile[r][o] = _mm512_fmadd_ps(of_x, of_w[o], tile[r][o]);
            }
        }
    }
    if (k < depth) {
        __mmask16 mask = first_lanes(depth - k);
        __m512 of_w[OUTPUTS] = {
            _mm512_maskz_loadu_ps(mask, w + k), _mm512_maskz_loadu_ps(mask, w1 + k),
            _mm512_maskz_loadu_ps(mask, w2 + k), _mm512_maskz_loadu_ps(mask, w3 + k)};
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            __m512 of_x = _mm512_maskz_loadu_ps(mask, x + r * x_stride + k);
#pragma GCC unroll 4
            for (size_t o = 0; o < OUTPUTS; o++) {
                tile[r][o] = _mm512_fmadd_ps(of_x, of_w[o], tile[r][o]);
            }
        }
    }
    __mmask8 stored = (__mmask8)((1U << outputs) - 1);
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
        _mm_mask_storeu_ps(sums + r * sums_stride, stored, add_up(tile[r]));
    }
}

#define TILE_OF(rows)                                                                     \
    case rows:                                                                            \
        multiply_tile(rows, x, x_stride, w, w_stride, outputs, depth, sums, sums_stride); \
        break;

static void multiply_rows(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride) {
    switch (rows) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
    }
}

void rows_multiply_avx512(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride) {
    size_t tiles = (rows + ROWS - 1) / ROWS;
    for (size_t output = 0; output < outputs; output += OUTPUTS) {
        size_t count = outputs - output < OUTPUTS ? outputs - output : OUTPUTS;
        for (size_t tile = 0; tile < tiles; tile++) {
            size_t start = rows * tile / tiles;
            size_t end = rows * (tile + 1) / tiles;
            multiply_rows(x + start * x_stride, x_stride, end - start, w + output * w_stride,
                          w_stride, count, depth, sums + start * sums_stride + output, sums_stride);
        }
    }
}
