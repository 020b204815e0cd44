// The parameters of one model by their names in its weight file. Those that the file holds as
// aligned F32 are used where they are mapped, others are copied once at load; or all of them come
// ready from a packed cache. Everything lives until parameters_close.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/layer.h"
#include "weights/packed_cache.h"
#include "weights/weights.h"

struct parameters;

// The path of the first of the NULL-terminated file names that is in the folder. ERROR_NOT_FOUND
// lists them.
bool parameters_find(const char *folder, const char *const *file_names, char path[static PATH_MAX],
                     struct error *err);
// Reads the weight file or, when `packed` is not NULL, what was packed from it. Takes `packed`
// over, also when it fails.
struct parameters *parameters_open(const char *path, struct packed_cache *packed,
                                   struct error *err);
void parameters_close(struct parameters *parameters);
bool parameters_have(const struct parameters *parameters, const char *name);
const char *parameters_path(const struct parameters *parameters);  // of the weight file

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
// *out = the only value of the named tensor, of no dimensions or of one of size 1.
bool parameters_get_number(struct parameters *parameters, const char *name, float *out,
                           struct error *err);
// A norm's "<name>.weight" and "<name>.bias", both of this size.
bool parameters_get_norm(struct parameters *parameters, const char *prefix, const char *name,
                         size_t width, const float **gain, const float **bias, struct error *err);
// The weights of a convolution whose stride is its size, [outputs, channels, size, size] in the
// file: *out is [outputs, the rest]. Or, of 8 bits, [2 * outputs, the rest]: the sum of both halves
// counts.
bool parameters_get_patches(struct parameters *parameters, const char *name, struct shape shape,
                            struct weight_matrix *out, struct error *err);
// The values of a matrix stored transposed: the file has [columns, rows], *out is [rows, columns].
bool parameters_get_transposed(struct parameters *parameters, const char *prefix, const char *name,
                               size_t rows, size_t columns, const float **out, struct error *err);

// How exactly a layer has to be kept when the model is packed.
enum layer_role {
    LAYER_OF_BLOCK,  // one of many alike: 8 bits do
    LAYER_OF_HEAD,   // decides between words: 16 bits
};

// The tensors of a layer: one each, or several that are put on top of one another, of as many
// outputs each.
enum { LAYER_PARTS = 3 };
struct layer_names {
    const char *weights[LAYER_PARTS], *biases[LAYER_PARTS];  // NULL behind the last
};
#define LAYER_NAMES(name)                  \
    {                                      \
        {name ".weight"}, { name ".bias" } \
    }

bool parameters_get_layer(struct parameters *parameters, enum layer_role role, const char *prefix,
                          const struct layer_names *names, size_t outputs, size_t inputs,
                          struct layer *layer, struct error *err);
