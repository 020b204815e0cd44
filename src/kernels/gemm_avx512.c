// Tiles of 12 rows by 32 columns: 24 of the 32 registers hold sums, two the panel's row, and the
// elements of x are broadcast by the multiplication itself. 14 loads for 24 multiplications leave
// the two multipliers as the limit.
#include <immintrin.h>

#include "kernels/kernels_internal.h"

enum { COLUMNS = 32, ROWS = 12, LANES = 16, LINE_BYTES = 64 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// out[k][c] = in[c][k] for 16 by 16.
ALWAYS_INLINE void transpose_block(const __m512 in[LANES], float *out, size_t depth) {
    __m512 a[LANES];
    __m512 b[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i += 2) {
        a[i] = _mm512_unpacklo_ps(in[i], in[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(in[i], in[i + 1]);
    }
    // b[4g + j]: in each quarter q, element 4q + j of the rows 4g … 4g + 3.
#pragma GCC unroll 4
    for (int g = 0; g < LANES; g += 4) {
        b[g] = _mm512_shuffle_ps(a[g], a[g + 2], 0x44);
        b[g + 1] = _mm512_shuffle_ps(a[g], a[g + 2], 0xee);
        b[g + 2] = _mm512_shuffle_ps(a[g + 1], a[g + 3], 0x44);
        b[g + 3] = _mm512_shuffle_ps(a[g + 1], a[g + 3], 0xee);
    }
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
        __m512 low02 = _mm512_shuffle_f32x4(b[j], b[4 + j], 0x88);
        __m512 low13 = _mm512_shuffle_f32x4(b[j], b[4 + j], 0xdd);
        __m512 high02 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0x88);
        __m512 high13 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0xdd);
        if (j < depth)
            _mm512_store_ps(out + j * COLUMNS, _mm512_shuffle_f32x4(low02, high02, 0x88));
        if (j + 4 < depth)
            _mm512_store_ps(out + (j + 4) * COLUMNS, _mm512_shuffle_f32x4(low13, high13, 0x88));
        if (j + 8 < depth)
            _mm512_store_ps(out + (j + 8) * COLUMNS, _mm512_shuffle_f32x4(low02, high02, 0xdd));
        if (j + 12 < depth)
            _mm512_store_ps(out + (j + 12) * COLUMNS, _mm512_shuffle_f32x4(low13, high13, 0xdd));
    }
}

// Packs 16 columns, `columns` of which exist.
static void pack_half(const float *w, size_t w_stride, size_t columns, size_t depth, float *panel) {
    __m512 in[LANES];
    for (size_t k = 0; k < depth; k += LANES) {
        size_t left = depth - k;
        __mmask16 mask = left >= LANES ? 0xffff : (__mmask16)((1U << left) - 1);
        if (columns == LANES && left >= LANES) {
#pragma GCC unroll 16
            for (size_t c = 0; c < LANES; c++) in[c] = _mm512_loadu_ps(w + c * w_stride + k);
            transpose_block(in, panel + k * COLUMNS, LANES);
            continue;
        }
        for (size_t c = 0; c < LANES; c++) {
            in[c] = c < columns ? _mm512_maskz_loadu_ps(mask, w + c * w_stride + k)
                                : _mm512_setzero_ps();
        }
        transpose_block(in, panel + k * COLUMNS, left);
    }
}

void panel_pack_avx512(const float *w, size_t w_stride, size_t columns, size_t depth,
                       float *panel) {
    size_t first = columns < LANES ? columns : LANES;
    pack_half(w, w_stride, first, depth, panel);
    pack_half(w + first * w_stride, w_stride, columns - first, depth, panel + LANES);
}

ALWAYS_INLINE void multiply_tile(const size_t rows, const float *x, size_t x_stride,
                                 const float *panel, size_t depth, bool is_accumulating,
                                 struct ahead ahead, float *sums, size_t sums_stride) {
    __m512 tile[ROWS][2];
    if (is_accumulating) {
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            tile[r][0] = _mm512_loadu_ps(sums + r * sums_stride);
            tile[r][1] = _mm512_loadu_ps(sums + r * sums_stride + LANES);
        }
    } else {
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) tile[r][0] = tile[r][1] = _mm512_setzero_ps();
    }
    // Every third row has a pointer of its own; the two behind it are reached by x_stride. Twelve
    // pointers would not fit the general registers.
    const float *group[ROWS / 3];
#pragma GCC unroll 4
    for (size_t g = 0; g < ROWS / 3; g++) group[g] = x + 3 * g * x_stride;
    uintptr_t next = (uintptr_t)ahead.from;
    for (size_t k = 0; k < depth; k++) {
        // To the L2 cache: this panel and the next are too much for L1.
        _mm_prefetch((const char *)next, _MM_HINT_T1);
        next += k < ahead.lines ? LINE_BYTES : 0;
        __m512 first = _mm512_load_ps(panel);
        __m512 second = _mm512_load_ps(panel + LANES);
        panel += COLUMNS;
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            __m512 element = _mm512_set1_ps(group[r / 3][(r % 3) * x_stride]);
            tile[r][0] = _mm512_fmadd_ps(element, first, tile[r][0]);
            tile[r][1] = _mm512_fmadd_ps(element, second, tile[r][1]);
        }
#pragma GCC unroll 4
        for (size_t g = 0; g < ROWS / 3; g++) {
            group[g]++;
            __asm__("" : "+r"(group[g]));  // keeps GCC from making twelve pointers of them
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) {
        _mm512_storeu_ps(sums + r * sums_stride, tile[r][0]);
        _mm512_storeu_ps(sums + r * sums_stride + LANES, tile[r][1]);
    }
}

#define TILE_OF(rows)                                                                              \
    case rows:                                                                                     \
        multiply_tile(rows, x, x_stride, panel, depth, is_accumulating, ahead, sums, sums_stride); \
        break;

void panel_multiply_avx512(const float *x, size_t x_stride, size_t rows, const float *panel,
                           size_t depth, bool is_accumulating, struct ahead ahead, float *sums,
                           size_t sums_stride) {
    switch (rows) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
        TILE_OF(7)
        TILE_OF(8)
        TILE_OF(9)
        TILE_OF(10)
        TILE_OF(11)
        TILE_OF(12)
    }
}
