// Lets a test look at what flows between the stages of a forward pass. Off (NULL) in service.
#pragma once

#include <stddef.h>

struct model_trace {
    void *context;
    // `values` is [rows, width], borrowed for the call; the rows are those from first_row on: the
    // last block computes only the rows that are read afterwards.
    void (*tap)(void *context, const char *stage, const float *values, size_t first_row,
                size_t rows, size_t width);
};

void model_trace_tap(const struct model_trace *trace, const char *stage, const float *values,
                     size_t first_row, size_t rows, size_t width);
