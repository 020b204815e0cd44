// Tiles of 6 rows by 16 columns: 12 of the 16 registers hold sums, two the panel's row, one the
// broadcast element of x.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum { COLUMNS = 16, ROWS = 6, LANES = 8, LINE_BYTES = 64 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i first_lanes(size_t count) {
    static const int ones_then_zeros[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones_then_zeros + (LANES - count)));
}

// out[k][c] = in[c][k] for the first `depth` of 8 values of k.
ALWAYS_INLINE void transpose_block(const __m256 in[LANES], float *out, size_t depth) {
    __m256 a[LANES];
    __m256 b[LANES];
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 2) {
        a[i] = _mm256_unpacklo_ps(in[i], in[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(in[i], in[i + 1]);
    }
#pragma GCC unroll 2
    for (int g = 0; g < LANES; g += 4) {
        b[g] = _mm256_shuffle_ps(a[g], a[g + 2], 0x44);
        b[g + 1] = _mm256_shuffle_ps(a[g], a[g + 2], 0xee);
        b[g + 2] = _mm256_shuffle_ps(a[g + 1], a[g + 3], 0x44);
        b[g + 3] = _mm256_shuffle_ps(a[g + 1], a[g + 3], 0xee);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
        if (j < depth) {
            _mm256_store_ps(out + j * COLUMNS, _mm256_permute2f128_ps(b[j], b[4 + j], 0x20));
        }
        if (j + 4 < depth) {
            _mm256_store_ps(out + (j + 4) * COLUMNS, _mm256_permute2f128_ps(b[j], b[4 + j], 0x31));
        }
    }
}

// Packs 8 columns, `columns` of which exist.
static void pack_half(const float *w, size_t w_stride, size_t columns, size_t depth, float *panel) {
    __m256 in[LANES];
    for (size_t k = 0; k < depth; k += LANES) {
        size_t left = depth - k;
        if (columns == LANES && left >= LANES) {
#pragma GCC unroll 8
            for (size_t c = 0; c < LANES; c++) in[c] = _mm256_loadu_ps(w + c * w_stride + k);
            transpose_block(in, panel + k * COLUMNS, LANES);
            continue;
        }
        __m256i mask = first_lanes(left < LANES ? left : LANES);
        for (size_t c = 0; c < LANES; c++) {
            in[c] =
                c < columns ? _mm256_maskload_ps(w + c * w_stride + k, mask) : _mm256_setzero_ps();
        }
        transpose_block(in, panel + k * COLUMNS, left);
    }
}

void panel_pack_avx2(const float *w, size_t w_stride, size_t columns, size_t depth, float *panel) {
    size_t first = columns < LANES ? columns : LANES;
    pack_half(w, w_stride, first, depth, panel);
    pack_half(w + first * w_stride, w_stride, columns - first, depth, panel + LANES);
}

ALWAYS_INLINE void multiply_tile(const size_t rows, const float *x, size_t x_stride,
                                 const float *panel, size_t depth, bool is_accumulating,
                                 struct ahead ahead, float *sums, size_t sums_stride) {
    __m256 tile[ROWS][2];
    if (is_accumulating) {
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            tile[r][0] = _mm256_loadu_ps(sums + r * sums_stride);
            tile[r][1] = _mm256_loadu_ps(sums + r * sums_stride + LANES);
        }
    } else {
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) tile[r][0] = tile[r][1] = _mm256_setzero_ps();
    }
    const float *group[ROWS / 3] = {x, x + 3 * x_stride};
    uintptr_t next = (uintptr_t)ahead.from;
    for (size_t k = 0; k < depth; k++) {
        // To the L2 cache: this panel and the next are too much for L1.
        _mm_prefetch((const char *)next, _MM_HINT_T1);
        next += k < ahead.lines ? LINE_BYTES : 0;
        __m256 first = _mm256_load_ps(panel);
        __m256 second = _mm256_load_ps(panel + LANES);
        panel += COLUMNS;
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            __m256 element = _mm256_broadcast_ss(&group[r / 3][(r % 3) * x_stride]);
            tile[r][0] = _mm256_fmadd_ps(element, first, tile[r][0]);
            tile[r][1] = _mm256_fmadd_ps(element, second, tile[r][1]);
        }
        group[0]++;
        group[1]++;
        __asm__("" : "+r"(group[0]), "+r"(group[1]));  // two pointers, not six
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
        _mm256_storeu_ps(sums + r * sums_stride, tile[r][0]);
        _mm256_storeu_ps(sums + r * sums_stride + LANES, tile[r][1]);
    }
}

#define TILE_OF(rows)                                                                              \
    case rows:                                                                                     \
        multiply_tile(rows, x, x_stride, panel, depth, is_accumulating, ahead, sums, sums_stride); \
        break;

void panel_multiply_avx2(const float *x, size_t x_stride, size_t rows, const float *panel,
                         size_t depth, bool is_accumulating, struct ahead ahead, float *sums,
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
