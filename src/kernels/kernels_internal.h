// The primitives that every tier writes in its own way; everything built from them (blocking,
// threads, attention) is in linear.c, attention.c and layer_norm.c, once for all tiers. The tier
// files include this header and their intrinsics only, and no inline function may live here: one
// compiled with AVX-512 could be the copy that the linker keeps for everybody.
//
// Primitives run on the calling thread, touch nothing but their arguments, read exactly the
// elements they name and take any alignment, panels apart. Within a tier the value of an element
// does not depend on how the caller cut the matrix into calls.
#pragma once

#include "kernels/kernels.h"

enum {
    KERNELS_MAX_PANEL_COLUMNS = 32,
    KERNELS_ALIGNMENT_BYTES = 64,  // of panels: one AVX-512 register
};

struct kernels {
    enum kernel_tier tier;
    size_t panel_columns;  // of a packed panel
    size_t tile_rows;      // most rows that panel_multiply takes
    // From how many rows packing w into panels pays; below that rows_multiply is faster.
    size_t panel_min_rows;

    // panel[k][c] = w[c][k], [depth, panel_columns], columns from `columns` on filled with zeros.
    void (*panel_pack)(const float *w, size_t w_stride, size_t columns, size_t depth, float *panel);
    // sums[rows, panel_columns] = x[rows, depth] · panel, or += with is_accumulating.
    void (*panel_multiply)(const float *x, size_t x_stride, size_t rows, const float *panel,
                           size_t depth, bool is_accumulating, float *sums, size_t sums_stride);
    // sums[rows, outputs] = x[rows, depth] · wᵀ, straight from w.
    void (*rows_multiply)(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride);
    float (*dot)(const float *a, const float *b, size_t count);

    // y = activation(sums + bias) + residual; bias and residual may be NULL, residual may be y.
    void (*row_finish)(const float *sums, const float *bias, enum activation activation,
                       const float *residual, float *y, size_t count);
    // -inf for an empty row. NaNs are never the largest.
    float (*row_maximum)(const float *row, size_t count);
    // row = exp((row - maximum) * scale); returns the sum.
    float (*row_exponentiate)(float *row, float maximum, float scale, size_t count);
    void (*row_normalize)(const float *x, const float *gain, const float *bias, float epsilon,
                          float *y, size_t count);
};

// The table of a tier that this program was built with, else NULL.
const struct kernels *kernels_of_tier(enum kernel_tier tier);

// The scratch of one thread, in floats. Calls that need more are done in blocks.
enum { KERNELS_SCRATCH_FLOATS = 256 * 1024 };

struct compute {
    const struct kernels *kernels;
    struct thread_pool *pool;
    size_t threads;
    float *scratch;  // [threads, KERNELS_SCRATCH_FLOATS]
};

// Declares what the table of a tier holds; the tier's files define it.
#define KERNELS_DECLARE(tier)                                                                      \
    void panel_pack_##tier(const float *w, size_t w_stride, size_t columns, size_t depth,          \
                           float *panel);                                                          \
    void panel_multiply_##tier(const float *x, size_t x_stride, size_t rows, const float *panel,   \
                               size_t depth, bool is_accumulating, float *sums,                    \
                               size_t sums_stride);                                                \
    void rows_multiply_##tier(const float *x, size_t x_stride, size_t rows, const float *w,        \
                              size_t w_stride, size_t outputs, size_t depth, float *sums,          \
                              size_t sums_stride);                                                 \
    float dot_##tier(const float *a, const float *b, size_t count);                                \
    void row_finish_##tier(const float *sums, const float *bias, enum activation activation,       \
                           const float *residual, float *y, size_t count);                         \
    float row_maximum_##tier(const float *row, size_t count);                                      \
    float row_exponentiate_##tier(float *row, float maximum, float scale, size_t count);           \
    void row_normalize_##tier(const float *x, const float *gain, const float *bias, float epsilon, \
                              float *y, size_t count);

KERNELS_DECLARE(scalar)
KERNELS_DECLARE(avx2)
KERNELS_DECLARE(avx512)
KERNELS_DECLARE(neon)
