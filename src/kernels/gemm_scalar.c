// The reference of the other tiers, and what runs where there is none: tiles of 4 rows by 8
// columns, which the compiler keeps in the SSE2 registers that every x86-64 has.
#include "kernels/kernels_internal.h"

enum { COLUMNS = 8, ROWS = 4 };

void panel_pack_scalar(const float *w, size_t w_stride, size_t columns, size_t depth,
                       float *panel) {
    for (size_t column = 0; column < COLUMNS; column++) {
        const float *from = w + column * w_stride;
        float *to = panel + column;
        if (column < columns) {
            for (size_t k = 0; k < depth; k++) to[k * COLUMNS] = from[k];
        } else {
            for (size_t k = 0; k < depth; k++) to[k * COLUMNS] = 0;
        }
    }
}

static inline __attribute__((always_inline)) void multiply_tile(size_t rows, const float *x,
                                                                size_t x_stride, const float *panel,
                                                                size_t depth, bool is_accumulating,
                                                                float *sums, size_t sums_stride) {
    float tile[ROWS][COLUMNS];
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < COLUMNS; c++) {
            tile[r][c] = is_accumulating ? sums[r * sums_stride + c] : 0;
        }
    }
    for (size_t k = 0; k < depth; k++) {
        for (size_t r = 0; r < rows; r++) {
            for (size_t c = 0; c < COLUMNS; c++) {
                tile[r][c] += x[r * x_stride + k] * panel[k * COLUMNS + c];
            }
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < COLUMNS; c++) sums[r * sums_stride + c] = tile[r][c];
    }
}

void panel_multiply_scalar(const float *x, size_t x_stride, size_t rows, const float *panel,
                           size_t depth, bool is_accumulating, struct ahead ahead, float *sums,
                           size_t sums_stride) {
    (void)ahead;
    switch (rows) {
        case 1:
            multiply_tile(1, x, x_stride, panel, depth, is_accumulating, sums, sums_stride);
            break;
        case 2:
            multiply_tile(2, x, x_stride, panel, depth, is_accumulating, sums, sums_stride);
            break;
        case 3:
            multiply_tile(3, x, x_stride, panel, depth, is_accumulating, sums, sums_stride);
            break;
        default:
            multiply_tile(ROWS, x, x_stride, panel, depth, is_accumulating, sums, sums_stride);
    }
}
