#include "model/parameters.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model_path.h"

enum { NAME_SIZE = 256 };

struct copy {
    struct copy *next;
    float *values;
};

struct parameters {
    struct weights *weights;
    struct copy *copies;
};

struct parameters *parameters_open(const char *folder, const char *const *file_names,
                                   struct error *err) {
    char path[PATH_MAX];
    char tried[256] = "";
    for (size_t i = 0; file_names[i] != NULL; i++) {
        size_t used = strlen(tried);
        (void)snprintf(tried + used, sizeof tried - used, "%s%s", i == 0 ? "" : ", ",
                       file_names[i]);
        if (!model_path_join(path, folder, file_names[i], NULL) || !file_exists(path)) continue;
        struct weights *weights = weights_open(path, err);
        if (weights == NULL) return NULL;
        struct parameters *parameters = memory_alloc(sizeof *parameters);
        parameters->weights = weights;
        return parameters;
    }
    error_set(err, ERROR_NOT_FOUND, "there are no weights in %s: looked for %s", folder, tried);
    return NULL;
}

void parameters_close(struct parameters *parameters) {
    if (parameters == NULL) return;
    for (struct copy *copy = parameters->copies; copy != NULL;) {
        struct copy *next = copy->next;
        memory_free(copy->values);
        memory_free(copy);
        copy = next;
    }
    weights_close(parameters->weights);
    memory_free(parameters);
}

bool parameters_have(const struct parameters *parameters, const char *name) {
    return weights_find(parameters->weights, name) != NULL;
}

const char *parameters_path(const struct parameters *parameters) {
    return weights_path(parameters->weights);
}

static float *copy_create(struct parameters *parameters, size_t count, struct error *err) {
    float *values = memory_try_aligned(count, sizeof *values);
    if (values == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory loading %s", parameters_path(parameters));
        return NULL;
    }
    struct copy *copy = memory_alloc(sizeof *copy);
    *copy = (struct copy){.next = parameters->copies, .values = values};
    parameters->copies = copy;
    return values;
}

static const struct tensor *require(const struct parameters *parameters, const char *prefix,
                                    const char *name, struct shape shape, struct error *err) {
    char full_name[NAME_SIZE];
    (void)snprintf(full_name, sizeof full_name, "%s%s", prefix, name);
    return weights_require(parameters->weights, full_name, shape.rank, shape.sizes, err);
}

bool parameters_get(struct parameters *parameters, const char *prefix, const char *name,
                    struct shape shape, const float **out, struct error *err) {
    const struct tensor *tensor = require(parameters, prefix, name, shape, err);
    if (tensor == NULL) return false;
    *out = tensor_borrow_f32(tensor);
    if (*out != NULL) return true;
    float *values = copy_create(parameters, tensor->count, err);
    if (values == NULL) return false;
    tensor_copy_f32(tensor, values);
    weights_forget(parameters->weights, tensor);
    *out = values;
    return true;
}

bool parameters_get_pair(struct parameters *parameters, const char *prefix, const char *name,
                         struct shape shape, const float **weight, const float **bias,
                         struct error *err) {
    char full_name[128];
    (void)snprintf(full_name, sizeof full_name, "%s.weight", name);
    if (!parameters_get(parameters, prefix, full_name, shape, weight, err)) return false;
    (void)snprintf(full_name, sizeof full_name, "%s.bias", name);
    return parameters_get(parameters, prefix, full_name, SHAPE(shape.sizes[0]), bias, err);
}

bool parameters_get_layer(struct parameters *parameters, const char *prefix, const char *name,
                          size_t outputs, size_t inputs, struct weight_matrix *weight,
                          const float **bias, struct error *err) {
    const float *values;
    if (!parameters_get_pair(parameters, prefix, name, SHAPE(outputs, inputs), &values, bias, err))
        return false;
    *weight = weight_matrix_f32(values, outputs, inputs);
    return true;
}

bool parameters_get_transposed(struct parameters *parameters, const char *prefix, const char *name,
                               size_t rows, size_t columns, const float **out, struct error *err) {
    const float *stored;  // [columns, rows]
    if (!parameters_get(parameters, prefix, name, SHAPE(columns, rows), &stored, err)) return false;
    float *values = copy_create(parameters, rows * columns, err);
    if (values == NULL) return false;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            values[row * columns + column] = stored[column * rows + row];
    *out = values;
    return true;
}
