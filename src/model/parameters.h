// The parameters of one model as floats. Those that the file holds as aligned F32 are used where
// they are mapped; others are copied once at load. Everything lives until parameters_close.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "kernels/weight_matrix.h"
#include "weights/weights.h"

struct parameters;

// Opens the first of the NULL-terminated file names that is in the folder. ERROR_NOT_FOUND lists
// them.
struct parameters *parameters_open(const char *folder, const char *const *file_names,
                                   struct error *err);
void parameters_close(struct parameters *parameters);
bool parameters_have(const struct parameters *parameters, const char *name);
const char *parameters_path(const struct parameters *parameters);

// The shape of a tensor, outermost first: SHAPE(3, 4).
struct shape {
    int rank;
    size_t sizes[4];
};
#define SHAPE(...) \
    ((struct shape){(int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), {__VA_ARGS__}})

// *out = the named tensor, checked against the shape. The name is "<prefix><name>".
bool parameters_get(struct parameters *parameters, const char *prefix, const char *name,
                    struct shape shape, const float **out, struct error *err);
// "<name>.weight" of this shape and "<name>.bias" of its first size.
bool parameters_get_pair(struct parameters *parameters, const char *prefix, const char *name,
                         struct shape shape, const float **weight, const float **bias,
                         struct error *err);
// The same of a layer: a matrix [outputs, inputs].
bool parameters_get_layer(struct parameters *parameters, const char *prefix, const char *name,
                          size_t outputs, size_t inputs, struct weight_matrix *weight,
                          const float **bias, struct error *err);
// The values of a matrix stored transposed: the file has [columns, rows], *out is [rows, columns].
bool parameters_get_transposed(struct parameters *parameters, const char *prefix, const char *name,
                               size_t rows, size_t columns, const float **out, struct error *err);
