// One linear layer of a model (nn.Linear): weights, bias, and while the model is calibrated what
// it is given.
#pragma once

#include "kernels/kernels.h"

// What a layer read while the model worked on samples.
struct layer_inputs {
    float *peaks;  // [inputs]: the largest magnitude of each
    double *sums;  // [inputs]
    size_t rows;
};

struct layer {
    struct weight_matrix weight;  // [outputs, inputs]
    const float *bias;            // [outputs]
    struct layer_inputs *inputs;  // NULL unless the model is being calibrated
};

// y = activation(layer(x)) + residual: linear() with the layer's weights and bias for those of the
// call.
void layer_apply(struct compute *compute, const struct layer *layer, struct linear call);
// The outputs first … first + count - 1 of a layer; packed to 8 bits, first is a multiple of
// WEIGHT_INT8_OUTPUTS.
struct layer layer_rows(const struct layer *layer, size_t first, size_t count);
