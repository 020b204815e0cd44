// What parameters.c has read, one after the other, for packing.c to write.
#pragma once

#include "model/parameters.h"

struct parameter {
    struct parameter *next;  // in the order of reading
    char *name;              // of the tensor, of a layer's first weights
    const float *values;     // [count], a layer's [outputs, inputs]
    size_t count;
    size_t patch_inputs;  // of the first convolution's weights; 0: this is something else
    bool is_layer;
    // Of a layer only:
    enum layer_role role;
    char *bias_name;
    struct layer *layer;         // the model's
    struct layer_inputs inputs;  // what it notes while the model is calibrated
};

// NULL for what came from a packed cache.
struct parameter *parameters_first(const struct parameters *parameters);

// A packed layer is two blobs: its bias by its own name, and its weights by the name and one of
// these.
#define PACKED_F32 " f32"  // [outputs, inputs] floats
#define PACKED_F16 " f16"  // [outputs, inputs] halves
#define PACKED_INT8 \
    " int8"  // what weight_matrix.h calls int8, scales, sums and input_scale, in turn

// The first convolution at 8 bits is as if it were two matrices on top of one another: its weights,
// and what rounding took from them (packing.c).
enum { PATCH_PARTS = 2 };

size_t packed_int8_size(size_t outputs, size_t inputs);  // bytes
struct weight_matrix packed_int8_matrix(const void *blob, size_t outputs, size_t inputs);
