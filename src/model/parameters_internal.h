// What parameters.c has read, one after the other, for packing.c to write.
#pragma once

#include "model/parameters.h"

struct parameter {
    struct parameter *next;  // in the order of reading
    char *name;              // of the tensor, of a layer's first weights
    const float *values;     // [count], a layer's [outputs, inputs]
    size_t count;
    bool is_layer;
    // Of a layer only:
    enum layer_role role;
    char *bias_name;
    struct layer *layer;         // the model's
    struct layer_inputs inputs;  // what it notes while the model is calibrated
};

// NULL for what came from a packed cache.
struct parameter *parameters_first(const struct parameters *parameters);

// What a packed layer's blobs are called: the name and one of these. A layer has exactly one.
#define PACKED_F32 " f32"    // [outputs, inputs] floats
#define PACKED_F16 " f16"    // [outputs, inputs] halves
#define PACKED_INT8 " int8"  // as packed_int8_size says
