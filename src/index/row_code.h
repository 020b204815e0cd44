// A vector as the index keeps it: its difference from a mean, in two coarsenesses, each with what
// is known about its error.
//
// The 1-bit code of a difference r is the signs of its numbers. <q, r> is about
// factor * <q, signs>, factor = |r|² / |r|₁, and is wrong by about |q| * factor * spread (RaBitQ,
// Gao and Long 2024: the signs point to r but for a part at right angles to it, of which q knows
// nothing). The int8 code is round(r / scale), and <q, r> differs from scale * <q, code> by at most
// |q| * residual.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct row_numbers {
    float factor;
    float spread;  // 0 … 1, 0.6 where numbers are spread like a bell
    float scale;
    float residual;  // with what rounding adds
};

// Codes are as wide as the vector rounded up to CODES_WIDTH_STEP; what is behind it is zeros.
size_t row_code_width(size_t width);
// signs[code_width / 8]: bit i of byte j is set where number 8 * j + i is not negative.
// narrow[code_width]. False, and nothing is written, when the vector is not finite.
bool row_encode(const float *vector, const float *mean, size_t width, uint8_t *signs,
                int8_t *narrow, struct row_numbers *numbers);

// A query beside both codes.
struct query_code {
    size_t code_width;
    float length;
    // <query, signs> is about step * (sum of table entries, see codes.h) + offset, and wrong by
    // about `blur` for all its roundings.
    uint8_t *tables;  // [code_width / 4, CODES_PATTERNS]
    float step, offset, blur;
    // query is about narrow_scale * narrow, and differs from it by a vector of length narrow_error.
    int16_t *narrow;  // [code_width]
    float narrow_scale, narrow_error;
};

// ERROR_INTERNAL when memory is out. The query must be finite.
bool query_code_init(struct query_code *code, const float *query, size_t width, struct error *err);
void query_code_clear(struct query_code *code);
