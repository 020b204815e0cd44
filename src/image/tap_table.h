// Which pixels of a line make each pixel of the scaled line, and how much each counts: Keys' cubic
// (a = -0.5) as wide as the scaling asks, in integers, equal to Pillow's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A line of pixels and the part of the scaled line that is wanted of it.
struct tap_line {
    uint32_t in_size;
    double extent;  // of in_size, what the picture fills: less than a pixel less than all of it
    uint32_t out_size;
    uint32_t out_first;  // the part: out_first .. out_first + positions
    uint32_t positions;
    bool is_mirrored;  // in memory, inputs and outputs both; taps are told as in memory
};

struct tap_table {
    size_t positions;
    uint32_t *first;   // [positions]: the first input; never decreases
    uint32_t *count;   // [positions]: how many inputs, 1 to taps_max
    int32_t *weights;  // [positions, taps_max], of kernels/resample.h
    size_t taps_max;
};

// False when out of memory. Clear it in any case.
bool tap_table_init(struct tap_table *table, const struct tap_line *line);
void tap_table_clear(struct tap_table *table);

const int32_t *tap_table_weights(const struct tap_table *table, size_t position);
// The inputs that count at all begin and end (exclusive) here.
uint32_t tap_table_first(const struct tap_table *table);
uint32_t tap_table_end(const struct tap_table *table);
