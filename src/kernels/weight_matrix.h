// The weights of one layer as linear() reads them. It owns nothing: the numbers belong to whoever
// mapped or packed them.
#pragma once

#include <stddef.h>

enum weight_type { WEIGHT_F32 };

struct weight_matrix {
    enum weight_type type;
    size_t outputs;
    size_t inputs;
    const float *f32;  // [outputs, inputs], as PyTorch's nn.Linear keeps it
};

struct weight_matrix weight_matrix_f32(const float *w, size_t outputs, size_t inputs);
// The outputs first … first + count - 1 of a matrix.
struct weight_matrix weight_matrix_rows(const struct weight_matrix *matrix, size_t first,
                                        size_t count);
