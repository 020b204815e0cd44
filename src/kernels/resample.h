// The arithmetic of resizing 8-bit pictures: weighted sums of rows of bytes, and turning a matrix
// of bytes so that columns become such rows. Integers throughout, so all tiers give the same bytes.
// Any thread; nothing is shared but the choice of tier.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/cpu_features.h"

// Fraction bits of a weight, as in Pillow: 32 bits less 8 for the value and 2 for overshoot.
enum { RESAMPLE_WEIGHT_BITS = 22 };

struct resample_kernels {
    // out[i] = sum over taps t of weights[t] * rows[t * stride + i], rounded and clipped to a byte,
    // for i < count. The weights of a sum add up to about 1 << RESAMPLE_WEIGHT_BITS.
    void (*rows_weigh)(const uint8_t *rows, size_t stride, const int32_t *weights, size_t taps,
                       size_t count, uint8_t *out);
    // to[column * to_stride + row] = from[row * from_stride + column]; fast for 16 rows or columns.
    void (*matrix_turn)(const uint8_t *from, size_t from_stride, size_t rows, size_t columns,
                        uint8_t *to, size_t to_stride);
};

// Those of a tier that this program was built with, else NULL.
const struct resample_kernels *resample_kernels_of_tier(enum kernel_tier tier);

// The ones to use: of the tier that was named last, before that of the processor's best. The
// answers are the same on all, so this only decides how fast they come.
const struct resample_kernels *resample_kernels(void);
void resample_use_tier(enum kernel_tier tier);  // one that this processor supports
