// Tiles of 6 rows by 16 columns: 24 of the 32 registers hold sums, four the panel's row.
#include <arm_neon.h>

#include "kernels/kernels_internal.h"

enum { COLUMNS = 16, ROWS = 6, LANES = 4, VECTORS = COLUMNS / LANES };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// out[k][c] = in[c][k] for 4 by 4.
ALWAYS_INLINE void transpose_block(const float32x4_t in[LANES], float *out) {
    float32x4x2_t pairs01 = vtrnq_f32(in[0], in[1]);
    float32x4x2_t pairs23 = vtrnq_f32(in[2], in[3]);
#pragma GCC unroll 2
    for (size_t j = 0; j < 2; j++) {
        float32x4_t low = vcombine_f32(vget_low_f32(pairs01.val[j]), vget_low_f32(pairs23.val[j]));
        float32x4_t high =
            vcombine_f32(vget_high_f32(pairs01.val[j]), vget_high_f32(pairs23.val[j]));
        vst1q_f32(out + j * COLUMNS, low);
        vst1q_f32(out + (j + 2) * COLUMNS, high);
    }
}

void panel_pack_neon(const float *w, size_t w_stride, size_t columns, size_t depth, float *panel) {
    for (size_t column = 0; column < COLUMNS; column += LANES) {
        const float *from = w + column * w_stride;
        float *to = panel + column;
        size_t k = 0;
        for (; k + LANES <= depth && column + LANES <= columns; k += LANES) {
            float32x4_t in[LANES] = {vld1q_f32(from + k), vld1q_f32(from + w_stride + k),
                                     vld1q_f32(from + 2 * w_stride + k),
                                     vld1q_f32(from + 3 * w_stride + k)};
            transpose_block(in, to + k * COLUMNS);
        }
        for (; k < depth; k++) {
            for (size_t c = 0; c < LANES; c++) {
                to[k * COLUMNS + c] = column + c < columns ? from[c * w_stride + k] : 0;
            }
        }
    }
}

ALWAYS_INLINE void multiply_tile(const size_t rows, const float *x, size_t x_stride,
                                 const float *panel, size_t depth, bool is_accumulating,
                                 float *sums, size_t sums_stride) {
    float32x4_t tile[ROWS][VECTORS];
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++) {
            tile[r][v] =
                is_accumulating ? vld1q_f32(sums + r * sums_stride + v * LANES) : vdupq_n_f32(0);
        }
    }
    for (size_t k = 0; k < depth; k++) {
        float32x4_t of_panel[VECTORS];
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++) of_panel[v] = vld1q_f32(panel + v * LANES);
        panel += COLUMNS;
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++) {
            float32x4_t element = vld1q_dup_f32(x + r * x_stride + k);
#pragma GCC unroll 4
            for (size_t v = 0; v < VECTORS; v++) {
                tile[r][v] = vfmaq_f32(tile[r][v], element, of_panel[v]);
            }
        }
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (size_t v = 0; v < VECTORS; v++) {
            vst1q_f32(sums + r * sums_stride + v * LANES, tile[r][v]);
        }
    }
}

#define TILE_OF(rows)                                                                       \
    case rows:                                                                              \
        multiply_tile(rows, x, x_stride, panel, depth, is_accumulating, sums, sums_stride); \
        break;

void panel_multiply_neon(const float *x, size_t x_stride, size_t rows, const float *panel,
                         size_t depth, bool is_accumulating, struct ahead ahead, float *sums,
                         size_t sums_stride) {
    (void)ahead;
    switch (rows) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
    }
}
