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
    KERNELS_MAX_TILE_ROWS = 12,
    KERNELS_MAX_INT8_BLOCKS = 4,
    KERNELS_MAX_INT8_ROWS = 12,
    KERNELS_ALIGNMENT_BYTES = 64,  // of panels: one AVX-512 register
};

// Sums of int8_multiply and how they become y:
// y = activation((sums - zero_point * weight_sums) * (row_scale * weight_scale) + bias) + residual
struct int8_tile {
    const int32_t *sums;  // [rows, columns]; columns rounded up to WEIGHT_INT8_OUTPUTS are there,
                          // here and in weight_scales and weight_sums
    size_t sums_stride;
    size_t rows;
    size_t columns;
    const float *row_scales;     // [rows]
    const int32_t *zero_points;  // [rows], less int8_byte_offset
    const float *weight_scales;  // [columns]
    const int32_t *weight_sums;  // [columns]
    const float *bias;           // [columns] or NULL
    enum activation activation;
    const float *residual;  // [rows, columns], rows y_stride apart, or NULL; may be y
    float *y;
    size_t y_stride;
};

// Cache lines that a product brings nearer meanwhile, one a step or two: weights that come next.
// Nothing is read there, so they may lie behind the end; 0 lines where something is.
struct ahead {
    const void *from;
    size_t lines;
};

struct kernels {
    size_t panel_columns;  // of a packed panel
    size_t tile_rows;      // most rows that panel_multiply takes
    // From how many rows packing w into panels pays; below that rows_multiply is faster.
    size_t panel_min_rows;

    // panel[k][c] = w[c][k], [depth, panel_columns], columns from `columns` on filled with zeros.
    void (*panel_pack)(const float *w, size_t w_stride, size_t columns, size_t depth, float *panel);
    // sums[rows, panel_columns] = x[rows, depth] · panel, or += with is_accumulating.
    void (*panel_multiply)(const float *x, size_t x_stride, size_t rows, const float *panel,
                           size_t depth, bool is_accumulating, struct ahead ahead, float *sums,
                           size_t sums_stride);
    // sums[rows, outputs] = x[rows, depth] · wᵀ, straight from w.
    void (*rows_multiply)(const float *x, size_t x_stride, size_t rows, const float *w,
                          size_t w_stride, size_t outputs, size_t depth, float *sums,
                          size_t sums_stride);
    float (*dot)(const float *a, const float *b, size_t count);
    // sums[count] += weights[rows] · w[rows, count]
    void (*rows_add)(const float *weights, size_t rows, const float *w, size_t w_stride,
                     size_t count, float *sums);

    // y = activation(sums + bias) + residual; bias and residual may be NULL, residual may be y.
    void (*row_finish)(const float *sums, const float *bias, enum activation activation,
                       const float *residual, float *y, size_t count);
    // -inf for an empty row. NaNs are never the largest.
    float (*row_maximum)(const float *row, size_t count);
    // row = exp((row - maximum) * scale); returns the sum.
    float (*row_exponentiate)(float *row, float maximum, float scale, size_t count);
    void (*row_normalize)(const float *x, const float *gain, const float *bias, float epsilon,
                          float *y, size_t count);

    // floats = f16, exactly.
    void (*row_widen)(const uint16_t *f16, size_t count, float *floats);

    // Products of int8 (linear_int8.c). Their integers are the same on all tiers of one
    // int8_byte_maximum. "x" below is
    // x * input_scale where that is not NULL.
    bool gains_by_int8;         // whether int8 is faster than f32; measured (docs/speed-log.md)
    size_t int8_rows;           // most rows that int8_multiply takes
    size_t int8_blocks;         // most blocks of WEIGHT_INT8_OUTPUTS that it takes
    int32_t int8_byte_maximum;  // of the bytes of x, give or take a rounding: 255, or 127 where
                                // products must fit 16 bits
    int32_t int8_byte_offset;   // what int8_multiply takes off the bytes of x
    // low <= 0 <= high of x; false when a number is not finite.
    bool (*row_range)(const float *x, const float *input_scale, size_t count, float *low,
                      float *high);
    // bytes = round(x * inverse_scale) + zero_point, halves to even, cut to 0 … 255; zeros behind
    // the last up to a multiple of WEIGHT_INT8_INPUTS.
    void (*row_quantize)(const float *x, const float *input_scale, float inverse_scale,
                         int32_t zero_point, size_t count, uint8_t *bytes);
    // sums[rows, blocks * 16] = (x[rows, depth * 4] - int8_byte_offset) · w, packed as
    // weight_matrix.h says, blocks depth * 64 apart. x lies at a multiple of 4.
    void (*int8_multiply)(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                          size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                          size_t sums_stride);
    void (*tile_finish)(const struct int8_tile *tile);

    // Attention in 16 bits (attention_int16.c); all NULL on tiers that gain nothing by it. A pair
    // is two neighbouring int16, the first in the lower half of an int32; panels of pairs are as
    // wide as those of floats. What is written to int16 goes on with zeros up to a multiple of
    // INT16_LANES.
    struct {
        // peaks[count] = each column's largest magnitude; not finite where a number is not.
        void (*peaks)(const float *x, size_t rows, size_t x_stride, size_t count, float *peaks);
        // sums[rows, panel_columns] = x[rows, pairs * 2] · panel[pairs, panel_columns]
        void (*multiply)(const int16_t *x, size_t x_stride, size_t rows, const int32_t *panel,
                         size_t pairs, int32_t *sums, size_t sums_stride);
        // narrow = round(x * factor)
        void (*narrow)(const float *x, float factor, size_t count, int16_t *narrow);
        // pairs = round(first * factors), round(second * factors)
        void (*pair)(const float *first, const float *second, const float *factors, size_t count,
                     int32_t *pairs);
        // weights = round(INT16_WEIGHT_ONE * 2^((scores - their maximum) * factor)); returns their
        // sum. weights may begin where scores do.
        int32_t (*weigh)(const int32_t *scores, size_t count, float factor, int16_t *weights);
    } int16;
};

enum { INT16_LANES = 16, INT16_WEIGHT_ONE = 8192 };

// The table of a tier that this program was built with, else NULL.
const struct kernels *kernels_of_tier(enum kernel_tier tier);

// The scratch of one thread, in floats. Calls that need more are done in blocks.
enum { KERNELS_SCRATCH_FLOATS = 256 * 1024 };

// Rows of x as bytes, x = scale * (byte - zero_point), for all threads. Calls with more rows or
// bytes are done in blocks.
enum { KERNELS_QUANTIZED_BYTES = 2 * 1024 * 1024, KERNELS_QUANTIZED_ROWS = 4096 };
struct quantized_rows {
    uint8_t bytes[KERNELS_QUANTIZED_BYTES];
    float scales[KERNELS_QUANTIZED_ROWS];
    int32_t zero_points[KERNELS_QUANTIZED_ROWS];
};

struct compute {
    enum kernel_tier tier;
    const char *failed_tier;  // see compute_failed_tier
    const struct kernels *kernels;
    struct thread_pool *pool;
    size_t threads;
    float *scratch;  // [threads, KERNELS_SCRATCH_FLOATS]
    struct quantized_rows *quantized;
};

// linear() for weights of this type.
void linear_int8(struct compute *compute, const struct linear *call);

// Has the part of y, and of the residual, that is written once a tile is multiplied on its way to
// the L1 cache while that goes on.
void linear_fetch(const struct linear *call, size_t row, size_t rows, size_t column,
                  size_t columns);

// Tasks are shared out in stripes, one a thread as long as the threads keep step, so that what
// follows in memory is also the thread's next: the place of a task among all.
size_t linear_place(const struct compute *compute, size_t task, size_t tasks);
// What one of `tiles` tiles brings nearer of the bytes that come next.
struct ahead linear_ahead(uintptr_t next, size_t bytes, size_t tile, size_t tiles);

// attention() in 16 bits, where the tier has that and what it needs fits the scratch of a thread;
// else false, and nothing is done.
bool attention_int16(struct compute *compute, const struct attention *attention);

// Declares what the table of a tier holds; the tier's files define it.
#define KERNELS_DECLARE(tier)                                                                      \
    void panel_pack_##tier(const float *w, size_t w_stride, size_t columns, size_t depth,          \
                           float *panel);                                                          \
    void panel_multiply_##tier(const float *x, size_t x_stride, size_t rows, const float *panel,   \
                               size_t depth, bool is_accumulating, struct ahead ahead,             \
                               float *sums, size_t sums_stride);                                   \
    void rows_multiply_##tier(const float *x, size_t x_stride, size_t rows, const float *w,        \
                              size_t w_stride, size_t outputs, size_t depth, float *sums,          \
                              size_t sums_stride);                                                 \
    void rows_add_##tier(const float *weights, size_t rows, const float *w, size_t w_stride,       \
                         size_t count, float *sums);                                               \
    float dot_##tier(const float *a, const float *b, size_t count);                                \
    void row_finish_##tier(const float *sums, const float *bias, enum activation activation,       \
                           const float *residual, float *y, size_t count);                         \
    float row_maximum_##tier(const float *row, size_t count);                                      \
    float row_exponentiate_##tier(float *row, float maximum, float scale, size_t count);           \
    void row_normalize_##tier(const float *x, const float *gain, const float *bias, float epsilon, \
                              float *y, size_t count);                                             \
    void row_widen_##tier(const uint16_t *f16, size_t count, float *floats);                       \
    bool row_range_##tier(const float *x, const float *input_scale, size_t count, float *low,      \
                          float *high);                                                            \
    void row_quantize_##tier(const float *x, const float *input_scale, float inverse_scale,        \
                             int32_t zero_point, size_t count, uint8_t *bytes);                    \
    void tile_finish_##tier(const struct int8_tile *tile);

#define KERNELS_DECLARE_INT8(tier)                                                             \
    void int8_multiply_##tier(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w, \
                              size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,  \
                              size_t sums_stride);

#define KERNELS_DECLARE_INT16(tier)                                                        \
    void int16_peaks_##tier(const float *x, size_t rows, size_t x_stride, size_t count,    \
                            float *peaks);                                                 \
    void int16_multiply_##tier(const int16_t *x, size_t x_stride, size_t rows,             \
                               const int32_t *panel, size_t pairs, int32_t *sums,          \
                               size_t sums_stride);                                        \
    void int16_narrow_##tier(const float *x, float factor, size_t count, int16_t *narrow); \
    void int16_pair_##tier(const float *first, const float *second, const float *factors,  \
                           size_t count, int32_t *pairs);                                  \
    int32_t int16_weigh_##tier(const int32_t *scores, size_t count, float factor, int16_t *weights);

KERNELS_DECLARE(scalar)
KERNELS_DECLARE(avx2)
KERNELS_DECLARE(avx512)
KERNELS_DECLARE(neon)

KERNELS_DECLARE_INT16(scalar)
KERNELS_DECLARE_INT16(avx2)
KERNELS_DECLARE_INT16(avx512vnni)

KERNELS_DECLARE_INT8(scalar)
KERNELS_DECLARE_INT8(avx2)
KERNELS_DECLARE_INT8(avxvnni)
KERNELS_DECLARE_INT8(avx512vnni)
KERNELS_DECLARE_INT8(neon)
KERNELS_DECLARE_INT8(neondot)
