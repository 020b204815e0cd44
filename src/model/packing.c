#include "model/packing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "model/model_path.h"
#include "model/parameters_internal.h"

enum {
    // Raised whenever the same model would be packed into other bytes or under other names.
    PACKING_VERSION = 3,
    CONFIG_BYTES_MAX = 1024 * 1024,
    BLOB_NAME_SIZE = 256,
};

#define F16_MAXIMUM 65504.0f  // what is larger would become infinite

const char *precision_name(enum precision precision) {
    static const char *const names[] = {"f32", "f16", "int8"};
    return names[precision];
}

bool packing_label(char label[static PACKED_LABEL_SIZE], const char *setting, const char *folder,
                   struct error *err) {
    static const char *const files[] = {"config.json", "open_clip_config.json",
                                        "preprocessor_config.json"};
    struct sha256_stream stream;
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    bool is_hashed = sha256_stream_init(&stream);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[PATH_MAX];
        size_t size;
        if (!model_path_join(path, folder, files[i], err)) break;
        if (!file_exists(path)) continue;
        char *bytes = file_read_create(path, CONFIG_BYTES_MAX, &size, err);
        is_hashed = is_hashed && bytes != NULL &&
                    sha256_stream_update(&stream, files[i], strlen(files[i]) + 1) &&
                    sha256_stream_update(&stream, bytes, size);
        memory_free(bytes);
    }
    is_hashed = sha256_stream_finish(&stream, digest) && is_hashed;
    if (!is_hashed) return error_set(err, ERROR_INTERNAL, "cannot hash the files of %s", folder);
    sha256_hex(digest, hex);
    (void)snprintf(label, PACKED_LABEL_SIZE, "imgrouter packing %d, %s, configuration %s",
                   PACKING_VERSION, setting, hex);
    return true;
}

bool parameters_calibrate(struct parameters *parameters, struct error *err) {
    for (struct parameter *p = parameters_first(parameters); p != NULL; p = p->next) {
        if (!p->is_layer || p->role != LAYER_OF_BLOCK) continue;
        size_t inputs = p->layer->weight.inputs;
        struct layer_inputs *noted = &p->inputs;
        if (noted->peaks == NULL) noted->peaks = memory_try_zeroed(inputs, sizeof *noted->peaks);
        if (noted->sums == NULL) noted->sums = memory_try_zeroed(inputs, sizeof *noted->sums);
        if (noted->peaks == NULL || noted->sums == NULL)
            return error_set(err, ERROR_INTERNAL, "out of memory packing a model");
        p->layer->inputs = noted;
    }
    return true;
}

// Where the parts of an 8-bit layer are in its blob.
struct int8_parts {
    struct weight_int8_size counts;
    size_t scales, sums, input_scale, size;  // offsets in bytes, and the end
};

static struct int8_parts int8_parts(size_t outputs, size_t inputs) {
    struct int8_parts parts = {.counts = weight_matrix_int8_size(outputs, inputs)};
    parts.scales = parts.counts.int8;
    parts.sums = parts.scales + parts.counts.scales * sizeof(float);
    parts.input_scale = parts.sums + parts.counts.scales * sizeof(int32_t);
    parts.size = parts.input_scale + inputs * sizeof(float);
    return parts;
}

size_t packed_int8_size(size_t outputs, size_t inputs) { return int8_parts(outputs, inputs).size; }

struct weight_matrix packed_int8_matrix(const void *blob, size_t outputs, size_t inputs) {
    const char *bytes = blob;
    struct int8_parts parts = int8_parts(outputs, inputs);
    return (struct weight_matrix){.type = WEIGHT_INT8,
                                  .outputs = outputs,
                                  .inputs = inputs,
                                  .int8 = (const void *)bytes,
                                  .scales = (const void *)(bytes + parts.scales),
                                  .sums = (const void *)(bytes + parts.sums),
                                  .input_scale = (const void *)(bytes + parts.input_scale)};
}

// Quantises weights into a blob. smooth is what they were multiplied by, [inputs], or NULL.
static struct weight_matrix fill_blob(char *blob, const float *weights, size_t outputs,
                                      size_t inputs, const float *smooth) {
    struct int8_parts parts = int8_parts(outputs, inputs);
    float *input_scale = (float *)(void *)(blob + parts.input_scale);
    for (size_t i = 0; i < inputs; i++) input_scale[i] = smooth == NULL ? 1 : 1 / smooth[i];
    struct weight_matrix packed = weight_matrix_pack_int8(weights, outputs, inputs, (int8_t *)blob,
                                                          (float *)(void *)(blob + parts.scales),
                                                          (int32_t *)(void *)(blob + parts.sums));
    packed.input_scale = input_scale;
    return packed;
}

// Channels that no sample or no weight touches get the least of what the others have, so that
// nothing is divided by zero.
static void raise_small(float *values, size_t count) {
    const float least_part = 1e-4f;
    float largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmaxf(largest, values[i]);
    float least = largest > 0 ? largest * least_part : 1;
    for (size_t i = 0; i < count; i++) values[i] = fmaxf(values[i], least);
}

// smooth = s of packing.h, [inputs].
static void find_smoothing(const struct parameter *parameter, float *sizes, float *smooth) {
    size_t inputs = parameter->layer->weight.inputs, outputs = parameter->layer->weight.outputs;
    memset(sizes, 0, inputs * sizeof *sizes);
    for (size_t output = 0; output < outputs; output++) {
        const float *w = parameter->values + output * inputs;
        for (size_t i = 0; i < inputs; i++) sizes[i] += w[i] * w[i];
    }
    for (size_t i = 0; i < inputs; i++) {
        sizes[i] = sqrtf(sizes[i] / (float)outputs);
        smooth[i] = parameter->inputs.peaks[i];
    }
    raise_small(sizes, inputs);
    raise_small(smooth, inputs);
    for (size_t i = 0; i < inputs; i++) smooth[i] = sqrtf(smooth[i] / sizes[i]);
}

// bias += (weights - what the int8 stand for) · mean input.
static void correct_bias(const struct parameter *parameter, const struct weight_matrix *packed,
                         float *bias) {
    size_t inputs = packed->inputs, block = WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS;
    size_t rounded = (inputs + WEIGHT_INT8_INPUTS - 1) / WEIGHT_INT8_INPUTS * WEIGHT_INT8_INPUTS;
    double rows = parameter->inputs.rows > 0 ? (double)parameter->inputs.rows : 1;
    for (size_t output = 0; output < packed->outputs; output++) {
        const float *w = parameter->values + output * inputs;
        const int8_t *int8 = packed->int8 +
                             output / WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_OUTPUTS * rounded +
                             output % WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS;
        double lost = 0;
        for (size_t i = 0; i < inputs; i++) {
            size_t at = i / WEIGHT_INT8_INPUTS * block + i % WEIGHT_INT8_INPUTS;
            float kept = (float)int8[at] * packed->scales[output] * packed->input_scale[i];
            lost += ((double)w[i] - (double)kept) * parameter->inputs.sums[i];
        }
        bias[output] = parameter->layer->bias[output] + (float)(lost / rows);
    }
}

static bool add_blob(struct packed_writer *writer, const char *name, const char *suffix,
                     const void *bytes, size_t size, struct error *err) {
    char blob[BLOB_NAME_SIZE];
    (void)snprintf(blob, sizeof blob, "%s%s", name, suffix);
    return packed_writer_add(writer, blob, bytes, size, err);
}

static bool add_bias(struct packed_writer *writer, const struct parameter *parameter,
                     const float *bias, struct error *err) {
    return add_blob(writer, parameter->bias_name, "", bias,
                    parameter->layer->weight.outputs * sizeof *bias, err);
}

static bool pack_int8(const struct parameter *parameter, struct packed_writer *writer,
                      struct error *err) {
    size_t inputs = parameter->layer->weight.inputs, outputs = parameter->layer->weight.outputs;
    size_t size = packed_int8_size(outputs, inputs);
    char *blob = memory_try_aligned(size, 1);
    float *smoothed = memory_try_array(parameter->count, sizeof *smoothed);
    float *bias = memory_try_array(outputs, sizeof *bias);
    float *smooth = memory_try_array(2 * inputs, sizeof *smooth);
    bool is_packed = blob != NULL && smoothed != NULL && bias != NULL && smooth != NULL;
    if (!is_packed) {
        error_set(err, ERROR_INTERNAL, "out of memory packing a model");
    } else {
        find_smoothing(parameter, smooth + inputs, smooth);
        for (size_t at = 0; at < parameter->count; at += inputs)
            for (size_t i = 0; i < inputs; i++)
                smoothed[at + i] = parameter->values[at + i] * smooth[i];
        struct weight_matrix packed = fill_blob(blob, smoothed, outputs, inputs, smooth);
        correct_bias(parameter, &packed, bias);
        is_packed = add_blob(writer, parameter->name, PACKED_INT8, blob, size, err) &&
                    add_bias(writer, parameter, bias, err);
    }
    memory_free(blob);
    memory_free(smoothed);
    memory_free(bias);
    memory_free(smooth);
    return is_packed;
}

// Splits each output's weights into what 8 bits can say of them, and what is left: together they
// keep 15 bits. stacked is [2 * outputs, inputs].
static void split_weights(const float *values, size_t outputs, size_t inputs, float *stacked) {
    float *rest = stacked + outputs * inputs;
    for (size_t at = 0; at < outputs * inputs; at += inputs) {
        float peak = 0;
        for (size_t i = 0; i < inputs; i++) peak = fmaxf(peak, fabsf(values[at + i]));
        float scale = peak > 0 ? peak / INT8_MAX : 1;
        for (size_t i = 0; i < inputs; i++) {
            stacked[at + i] = rintf(values[at + i] / scale) * scale;
            rest[at + i] = values[at + i] - stacked[at + i];
        }
    }
}

// Pixels have 8 bits themselves, so that reading them in 8 loses little; the weights keep more.
static bool pack_patches(const struct parameter *parameter, struct packed_writer *writer,
                         struct error *err) {
    size_t inputs = parameter->patch_inputs, outputs = parameter->count / inputs;
    size_t size = packed_int8_size(PATCH_PARTS * outputs, inputs);
    char *blob = memory_try_aligned(size, 1);
    float *stacked = memory_try_array(PATCH_PARTS * parameter->count, sizeof *stacked);
    bool is_packed = blob != NULL && stacked != NULL;
    if (!is_packed) {
        error_set(err, ERROR_INTERNAL, "out of memory packing a model");
    } else {
        split_weights(parameter->values, outputs, inputs, stacked);
        (void)fill_blob(blob, stacked, PATCH_PARTS * outputs, inputs, NULL);
        is_packed = add_blob(writer, parameter->name, PACKED_INT8, blob, size, err);
    }
    memory_free(blob);
    memory_free(stacked);
    return is_packed;
}

static bool fits_f16(const struct parameter *parameter) {
    for (size_t i = 0; i < parameter->count; i++)
        if (fabsf(parameter->values[i]) > F16_MAXIMUM) return false;
    return parameter->layer->weight.inputs <= WEIGHT_F16_MAX_INPUTS;
}

static bool pack_f16(const struct parameter *parameter, struct packed_writer *writer,
                     struct error *err) {
    uint16_t *blob = memory_try_array(parameter->count, sizeof *blob);
    if (blob == NULL) return error_set(err, ERROR_INTERNAL, "out of memory packing a model");
    (void)weight_matrix_pack_f16(parameter->values, parameter->layer->weight.outputs,
                                 parameter->layer->weight.inputs, blob);
    bool is_packed =
        add_blob(writer, parameter->name, PACKED_F16, blob, parameter->count * sizeof *blob, err) &&
        add_bias(writer, parameter, parameter->layer->bias, err);
    memory_free(blob);
    return is_packed;
}

static bool pack_layer(const struct parameter *parameter, enum precision precision,
                       struct packed_writer *writer, struct error *err) {
    if (precision == PRECISION_INT8 && parameter->role == LAYER_OF_BLOCK)
        return pack_int8(parameter, writer, err);
    if (precision != PRECISION_F32 && fits_f16(parameter)) return pack_f16(parameter, writer, err);
    return add_blob(writer, parameter->name, PACKED_F32, parameter->values,
                    parameter->count * sizeof(float), err) &&
           add_bias(writer, parameter, parameter->layer->bias, err);
}

bool parameters_pack(const struct parameters *parameters, enum precision precision,
                     struct packed_writer *writer, struct error *err) {
    for (const struct parameter *p = parameters_first(parameters); p != NULL; p = p->next) {
        bool is_packed;
        if (p->is_layer)
            is_packed = pack_layer(p, precision, writer, err);
        else if (p->patch_inputs > 0 && precision == PRECISION_INT8)
            is_packed = pack_patches(p, writer, err);
        else
            is_packed = add_blob(writer, p->name, "", p->values, p->count * sizeof(float), err);
        if (!is_packed) return false;
    }
    return true;
}
