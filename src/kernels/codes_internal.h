// What the tiers of codes.h define; the same rules as for kernels_internal.h.
#pragma once

#include "kernels/codes.h"

#define CODES_DECLARE(tier)                                                                \
    void block_sum_##tier(const uint8_t *codes, const uint8_t *tables, size_t bytes,       \
                          uint16_t sums[static CODES_BLOCK_ROWS]);                         \
    uint64_t block_select_##tier(const uint16_t sums[static CODES_BLOCK_ROWS],             \
                                 const float factors[static CODES_BLOCK_ROWS], float step, \
                                 float offset, float least);                               \
    int32_t row_multiply_##tier(const int8_t *row, const int16_t *query, size_t count);

CODES_DECLARE(scalar)
CODES_DECLARE(avx2)
CODES_DECLARE(avx512)
CODES_DECLARE(neon)

int32_t row_multiply_avx512vnni(const int8_t *row, const int16_t *query, size_t count);
