#include "model/parameters.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model_path.h"
#include "model/parameters_internal.h"

enum { NAME_SIZE = 256 };

struct copy {
    struct copy *next;
    float *values;
};

struct parameters {
    char *path;
    struct weights *weights;      // one of these two
    struct packed_cache *packed;  //
    struct copy *copies;
    struct parameter *first;
    struct parameter **end;  // where the next one is noted
};

bool parameters_find(const char *folder, const char *const *file_names, char path[static PATH_MAX],
                     struct error *err) {
    char tried[256] = "";
    for (size_t i = 0; file_names[i] != NULL; i++) {
        size_t used = strlen(tried);
        (void)snprintf(tried + used, sizeof tried - used, "%s%s", i == 0 ? "" : ", ",
                       file_names[i]);
        if (model_path_join(path, folder, file_names[i], NULL) && file_exists(path)) return true;
    }
    return error_set(err, ERROR_NOT_FOUND, "there are no weights in %s: looked for %s", folder,
                     tried);
}

struct parameters *parameters_open(const char *path, struct packed_cache *packed,
                                   struct error *err) {
    struct parameters *parameters = memory_alloc(sizeof *parameters);
    parameters->path = memory_copy_text(path);
    parameters->packed = packed;
    parameters->end = &parameters->first;
    if (packed == NULL) parameters->weights = weights_open(path, err);
    if (packed != NULL || parameters->weights != NULL) return parameters;
    parameters_close(parameters);
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
    for (struct parameter *parameter = parameters->first; parameter != NULL;) {
        struct parameter *next = parameter->next;
        memory_free(parameter->name);
        memory_free(parameter->bias_name);
        memory_free(parameter->inputs.peaks);
        memory_free(parameter->inputs.sums);
        memory_free(parameter);
        parameter = next;
    }
    weights_close(parameters->weights);
    packed_cache_close(parameters->packed);
    memory_free(parameters->path);
    memory_free(parameters);
}

const char *parameters_path(const struct parameters *parameters) { return parameters->path; }

struct parameter *parameters_first(const struct parameters *parameters) {
    return parameters->first;
}

static const void *find_packed(const struct parameters *parameters, const char *name,
                               const char *suffix, size_t *size) {
    char blob[NAME_SIZE];
    (void)snprintf(blob, sizeof blob, "%s%s", name, suffix);
    return packed_cache_find(parameters->packed, blob, size);
}

bool parameters_have(const struct parameters *parameters, const char *name) {
    static const char *const suffixes[] = {"", PACKED_F32, PACKED_F16, PACKED_INT8};
    if (parameters->weights != NULL) return weights_find(parameters->weights, name) != NULL;
    size_t size;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (find_packed(parameters, name, suffixes[i], &size) != NULL) return true;
    return false;
}

static float *copy_create(struct parameters *parameters, size_t count, struct error *err) {
    float *values = memory_try_aligned(count, sizeof *values);
    if (values == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory loading %s", parameters->path);
        return NULL;
    }
    struct copy *copy = memory_alloc(sizeof *copy);
    *copy = (struct copy){.next = parameters->copies, .values = values};
    parameters->copies = copy;
    return values;
}

// Packed blobs come from the very code that asks for them now: this fails only when the version of
// the packing should have been raised.
static bool packed_error(const struct parameters *parameters, const char *name, struct error *err) {
    return error_set(err, ERROR_INTERNAL, "the packed weights of %s lack \"%s\" in this shape",
                     parameters->path, name);
}

static struct parameter *note(struct parameters *parameters, const char *name, const float *values,
                              size_t count) {
    struct parameter *parameter = memory_alloc(sizeof *parameter);
    *parameter =
        (struct parameter){.name = memory_copy_text(name), .values = values, .count = count};
    *parameters->end = parameter;
    parameters->end = &parameter->next;
    return parameter;
}

// The values of one tensor of the weight file.
static const float *read_tensor(struct parameters *parameters, const char *name, struct shape shape,
                                struct error *err) {
    const struct tensor *tensor =
        weights_require(parameters->weights, name, shape.rank, shape.sizes, err);
    if (tensor == NULL) return NULL;
    // A tied head is the word embeddings, which have been read.
    for (const struct parameter *known = parameters->first; known != NULL; known = known->next)
        if (strcmp(known->name, name) == 0 && known->count == tensor->count) return known->values;
    const float *borrowed = tensor_borrow_f32(tensor);
    if (borrowed != NULL) return borrowed;
    float *values = copy_create(parameters, tensor->count, err);
    if (values == NULL) return NULL;
    tensor_copy_f32(tensor, values);
    weights_forget(parameters->weights, tensor);
    return values;
}

static const float *find_floats(const struct parameters *parameters, const char *name, size_t count,
                                struct error *err) {
    size_t size;
    const float *values = find_packed(parameters, name, "", &size);
    if (values != NULL && size == count * sizeof *values) return values;
    packed_error(parameters, name, err);
    return NULL;
}

static size_t shape_count(struct shape shape) {
    size_t count = 1;
    for (int i = 0; i < shape.rank; i++) count *= shape.sizes[i];
    return count;
}

bool parameters_get(struct parameters *parameters, const char *prefix, const char *name,
                    struct shape shape, const float **out, struct error *err) {
    char full_name[NAME_SIZE];
    (void)snprintf(full_name, sizeof full_name, "%s%s", prefix, name);
    if (parameters->packed != NULL) {
        *out = find_floats(parameters, full_name, shape_count(shape), err);
    } else {
        *out = read_tensor(parameters, full_name, shape, err);
        if (*out != NULL) (void)note(parameters, full_name, *out, shape_count(shape));
    }
    return *out != NULL;
}

bool parameters_get_number(struct parameters *parameters, const char *name, float *out,
                           struct error *err) {
    struct shape none = {.rank = 0}, one = SHAPE(1);
    const float *value;
    const struct tensor *tensor =
        parameters->weights == NULL ? NULL : weights_find(parameters->weights, name);
    bool has_dimension = tensor != NULL && tensor->rank > 0;
    if (!parameters_get(parameters, "", name, has_dimension ? one : none, &value, err))
        return false;
    *out = *value;
    return true;
}

bool parameters_get_norm(struct parameters *parameters, const char *prefix, const char *name,
                         size_t width, const float **gain, const float **bias, struct error *err) {
    char full_name[128];
    (void)snprintf(full_name, sizeof full_name, "%s.weight", name);
    if (!parameters_get(parameters, prefix, full_name, SHAPE(width), gain, err)) return false;
    (void)snprintf(full_name, sizeof full_name, "%s.bias", name);
    return parameters_get(parameters, prefix, full_name, SHAPE(width), bias, err);
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

// One tensor, or those of all parts copied one below the other. `inputs` is 0 for biases.
static const float *read_parts(struct parameters *parameters, const char *prefix,
                               const char *const names[LAYER_PARTS], size_t outputs, size_t inputs,
                               struct error *err) {
    char full_name[NAME_SIZE];
    size_t parts = 1;
    while (parts < LAYER_PARTS && names[parts] != NULL) parts++;
    size_t rows = outputs / parts, count = rows * (inputs == 0 ? 1 : inputs);
    struct shape shape = inputs == 0 ? SHAPE(rows) : SHAPE(rows, inputs);
    float *stacked = NULL;
    if (parts > 1) {
        stacked = copy_create(parameters, parts * count, err);
        if (stacked == NULL) return NULL;
    }
    for (size_t part = 0; part < parts; part++) {
        (void)snprintf(full_name, sizeof full_name, "%s%s", prefix, names[part]);
        if (parts == 1) return read_tensor(parameters, full_name, shape, err);
        const struct tensor *tensor =
            weights_require(parameters->weights, full_name, shape.rank, shape.sizes, err);
        if (tensor == NULL) return NULL;
        tensor_copy_f32(tensor, stacked + part * count);
        weights_forget(parameters->weights, tensor);
    }
    return stacked;
}

static bool find_layer(const struct parameters *parameters, const char *name, size_t outputs,
                       size_t inputs, struct weight_matrix *weight, struct error *err) {
    size_t size;
    const void *blob = find_packed(parameters, name, PACKED_INT8, &size);
    if (blob != NULL && size == packed_int8_size(outputs, inputs)) {
        *weight = packed_int8_matrix(blob, outputs, inputs);
        return true;
    }
    blob = find_packed(parameters, name, PACKED_F16, &size);
    if (blob != NULL && size == outputs * inputs * sizeof(uint16_t)) {
        *weight = (struct weight_matrix){
            .type = WEIGHT_F16, .outputs = outputs, .inputs = inputs, .f16 = blob};
        return true;
    }
    blob = find_packed(parameters, name, PACKED_F32, &size);
    if (blob != NULL && size == outputs * inputs * sizeof(float)) {
        *weight = weight_matrix_f32(blob, outputs, inputs);
        return true;
    }
    return packed_error(parameters, name, err);
}

bool parameters_get_patches(struct parameters *parameters, const char *name, struct shape shape,
                            struct weight_matrix *out, struct error *err) {
    size_t outputs = shape.sizes[0], inputs = shape_count(shape) / outputs, size;
    const float *values;
    if (parameters->packed != NULL) {
        const void *blob = find_packed(parameters, name, PACKED_INT8, &size);
        if (blob != NULL && size == packed_int8_size(PATCH_PARTS * outputs, inputs)) {
            *out = packed_int8_matrix(blob, PATCH_PARTS * outputs, inputs);
            return true;
        }
        values = find_floats(parameters, name, outputs * inputs, err);
    } else {
        values = read_tensor(parameters, name, shape, err);
        if (values != NULL) note(parameters, name, values, outputs * inputs)->patch_inputs = inputs;
    }
    if (values != NULL) *out = weight_matrix_f32(values, outputs, inputs);
    return values != NULL;
}

bool parameters_get_layer(struct parameters *parameters, enum layer_role role, const char *prefix,
                          const struct layer_names *names, size_t outputs, size_t inputs,
                          struct layer *layer, struct error *err) {
    char name[NAME_SIZE], bias_name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "%s%s", prefix, names->weights[0]);
    (void)snprintf(bias_name, sizeof bias_name, "%s%s", prefix, names->biases[0]);
    layer->inputs = NULL;
    if (parameters->packed != NULL) {
        layer->bias = find_floats(parameters, bias_name, outputs, err);
        return layer->bias != NULL &&
               find_layer(parameters, name, outputs, inputs, &layer->weight, err);
    }
    const float *values = read_parts(parameters, prefix, names->weights, outputs, inputs, err);
    if (values == NULL) return false;
    layer->bias = read_parts(parameters, prefix, names->biases, outputs, 0, err);
    if (layer->bias == NULL) return false;
    layer->weight = weight_matrix_f32(values, outputs, inputs);
    struct parameter *parameter = note(parameters, name, values, outputs * inputs);
    parameter->is_layer = true;
    parameter->role = role;
    parameter->bias_name = memory_copy_text(bias_name);
    parameter->layer = layer;
    return true;
}
