// Products with rows of w where they lie: tiles of up to 3 rows of x by 4 rows of w, each pair
// with a register of 8 partial sums that are added up at the end. The 16 registers: 12 of sums, 3
// of x, 1 of w. Ends of rows are masked.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum { ROWS = 3, OUTPUTS = 4, LANES = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i first_lanes(size_t count) {
    static const int ones_then_zeros[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones_then_zeros + (LANES - count)));
}

// The sums of four registers, side by side.
ALWAYS_INLINE __m128 add_up(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 pairs01 = _mm256_hadd_ps(a, b);
    __m256 pairs23 = _mm256_hadd_ps(c, d);
    __m256 all = _mm256_hadd_ps(pairs01, pairs23);
    return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}

float dot_avx2(const float *a, const float *b, size_t count) {
    __m256 sums[4];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) sums[i] = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + j * LANES),
                                      _mm256_loadu_ps(b + i + j * LANES), sums[j]);
        }
    }
    for (; i + LANES <= count; i += LANES) {
        sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums[0]);
    }
    if (i < count) {
        __m256i mask = first_lanes(count - i);
        sums[1] = _mm256_fmadd_ps(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask),
                                  sums[1]);
    }
    float four[4];
    _mm_storeu_ps(four, add_up(sums[0], sums[1], sums[2], sums[3]));
    return (four[0] + four[1]) + (four[2] + four[3]);
}

// As many sums as hide the time that an addition takes; ends are masked.
ALWAYS_INLINE void add_rows(const size_t registers, __m256i last_lanes, const float *weights,
                            size_t rows, const float *w, size_t w_stride, float *sums) {
    const __m256i all = _mm256_set1_epi32(-1);
    __m256 sum[8];
#pragma GCC unroll 8
    for (size_t j = 0; j < registers; j++)
        sum[j] = _mm256_maskload_ps(sums + j * LANES, j + 1 < registers ? all : last_lanes);
    for (size_t row = 0; row < rows; row++, w += w_stride) {
        __m256 weight = _mm256_set1_ps(weights[row]);
#pragma GCC unroll 8
        for (size_t j = 0; j < registers; j++) {
            __m256i lanes = j + 1 < registers ? all : last_lanes;
            sum[j] = _mm256_fmadd_ps(weight, _mm256_maskload_ps(w + j * LANES, lanes), sum[j]);
        }
    }
#pragma GCC unroll 8
    for (size_t j = 0; j < registers; j++)
        _mm256_maskstore_ps(sums + j * LANES, j + 1 < registers ? all : last_lanes, sum[j]);
}

void rows_add_avx2(const float *weights, size_t rows, const float *w, size_t w_stride, size_t count,
                   float *sums) {
    size_t i = 0;
    for (; i + 8 * LANES <= count; i += 8 * LANES)
        add_rows(8, _mm256_set1_epi32(-1), weights, rows, w + i, w_stride, sums + i);
    for (; i < count; i += LANES) {
        __m256i lanes = count - i >= LANES ? _mm256_set1_epi32(-1) : first_lanes(count - i);
        add_rows(1, lanes, weights, rows, w + i, w_stride, sums + i);
    }
}

// One tile. Rows of w beyond `outputs` are read as copies of the last and not stored.
ALWAYS_INLINE void multiply_tile(const size_t rows, const float *x, size_t x_stride, const float *w,
                                 size_t w_stride, size_t outputs, size_t depth, float *sums,
                                 size_t sums_stride) {
    __m256 tile[ROWS][OUTPUTS];
#pragma GCC unroll 3
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) tile[r][o] = _mm256_setzero_ps();
    }
    const float *of_w[OUTPUTS];
#pragma GCC unroll 4
    for (size_t o = 0; o < OUTPUTS; o++) {
        of_w[o] = w + (o < outputs ? o : outputs - 1) * w_stride;
    }
    size_t k = 0;
    for (; k + LANES <= depth; k += LANES) {
        __m256 of_x[ROWS];
#pragma GCC unroll 3
        for (size_t r = 0; r < rows; r++) of_x[r] = _mm256_loadu_ps(x + r * x_stride + k);
        // The next four rows; behind the last row an address that nobody reads, which a prefetch
        // may name.
        uintptr_t ahead = (uintptr_t)(w + k) + OUTPUTS * w_stride * sizeof *w;
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) {
            _mm_prefetch((const char *)(ahead + o * w_stride * sizeof *w), _MM_HINT_T0);
        }
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) {
            __m256 eight = _mm256_loadu_ps(of_w[o] + k);
#pragma GCC unroll 3
            for (size_t r = 0; r < rows; r++) {
                tile[r][o] = _mm256_fmadd_ps(of_x[r], eight, tile[r][o]);
            }
        }
    }
    if (k < depth) {
        __m256i mask = first_lanes(depth - k);
#pragma GCC unroll 4
        for (size_t o = 0; o < OUTPUTS; o++) {
            __m256 rest = _mm256_maskload_ps(of_w[o] + k, mask);
#pragma GCC unroll 3
            for (size_t r = 0; r < rows; r++) {
                __m256 x_rest = _mm256_maskload_ps(x + r * x_stride + k, mask);
                tile[r][o] = _mm256_fmadd_ps(x_rest, rest, tile[r][o]);
            }
        }
    }
    __m128i stored = _mm256_castsi256_si128(first_lanes(outputs));
#pragma GCC unroll 3
    for (size_t r = 0; r < rows; r++) {
        _mm_maskstore_ps(sums + r * sums_stride, stored,
                         add_up(tile[r][0], tile[r][1], tile[r][2], tile[r][3]));
    }
}

static void multiply_rows(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride) {
    switch (rows) {
        case 1:
            multiply_tile(1, x, x_stride, w, w_stride, outputs, depth, sums, sums_stride);
            break;
        case 2:
            multiply_tile(2, x, x_stride, w, w_stride, outputs, depth, sums, sums_stride);
            break;
        case ROWS:
            multiply_tile(ROWS, x, x_stride, w, w_stride, outputs, depth, sums, sums_stride);
            break;
    }
}

void rows_multiply_avx2(const float *x, size_t x_stride, size_t rows, const float *w,
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
