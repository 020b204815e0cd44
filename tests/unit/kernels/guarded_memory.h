// Arrays that touch a page nobody may use, so that reading or writing one float too many crashes
// here and not in somebody's server. The other end is watched by a pattern.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct guarded_floats {
    float *floats;
    size_t count;
    unsigned char *mapping;
    size_t mapping_size;
    bool is_at_end;
};

// At the end of its pages (is_at_end), so that over-reads crash and the start takes any
// alignment of 4 bytes; or at their beginning. Filled with values of [-1, 1) that follow `seed`.
struct guarded_floats guarded_create(size_t count, bool is_at_end, unsigned seed);
// Fails the test when the pattern was written over.
void guarded_destroy(struct guarded_floats *guarded);

// The next of a fixed sequence, in [-1, 1).
float random_float(unsigned *state);
