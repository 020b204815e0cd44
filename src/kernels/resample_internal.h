// What the tiers' files of resample.h define. They include this and their intrinsics only, for the
// reason told in kernels_internal.h.
#pragma once

#include "kernels/resample.h"

#define RESAMPLE_DECLARE(tier)                                                                    \
    void rows_weigh_##tier(const uint8_t *rows, size_t stride, const int32_t *weights,            \
                           size_t taps, size_t count, uint8_t *out);                              \
    void matrix_turn_##tier(const uint8_t *from, size_t from_stride, size_t rows, size_t columns, \
                            uint8_t *to, size_t to_stride);

RESAMPLE_DECLARE(scalar)
RESAMPLE_DECLARE(avx2)
RESAMPLE_DECLARE(avx512)
RESAMPLE_DECLARE(neon)
