// The arithmetic of searching vectors that are kept as codes (index/row_code.h): looking up sums of
// many 1-bit codes, choosing among them, and exact products of rows of int8. Integers throughout,
// so all tiers give the same sums. Any thread; nothing is shared.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/cpu_features.h"

enum {
    CODES_BLOCK_ROWS = 64,       // rows whose codes lie together
    CODES_PATTERNS = 16,         // of four bits, which one lookup answers
    CODES_ENTRY_MAXIMUM = 31,    // so that eight entries fit a byte
    CODES_WIDTH_STEP = 64,       // widths are multiples of this
    CODES_WIDTH_MAXIMUM = 8192,  // sums of its entries fit 16 bits
};

struct code_kernels {
    // Four bits of a row choose one of sixteen entries; sums[row] is the sum of those chosen.
    // codes[byte][row] of a block hold eight bits each, tables[2 * byte] is for the lower four and
    // tables[2 * byte + 1] for the higher. Entries are at most CODES_ENTRY_MAXIMUM, `bytes` is a
    // multiple of 8.
    void (*block_sum)(const uint8_t *codes, const uint8_t *tables, size_t bytes,
                      uint16_t sums[static CODES_BLOCK_ROWS]);
    // Bit i tells whether factors[i] * (sums[i] * step + offset) >= least, which nothing that is
    // not a number is.
    uint64_t (*block_select)(const uint16_t sums[static CODES_BLOCK_ROWS],
                             const float factors[static CODES_BLOCK_ROWS], float step, float offset,
                             float least);
    // The sum of row[i] * query[i], which must fit 32 bits; `count` is a multiple of
    // CODES_WIDTH_STEP.
    int32_t (*row_multiply)(const int8_t *row, const int16_t *query, size_t count);
};

// Those of a tier that this program was built with, else NULL.
const struct code_kernels *code_kernels_of_tier(enum kernel_tier tier);
