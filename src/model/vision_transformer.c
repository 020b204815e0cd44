#include "model/vision_transformer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

bool vision_shape_check(const struct vision_shape *shape, const char *where, struct error *err) {
    const struct block_shape *block = &shape->block;
    size_t side = shape->image_size / shape->patch_size;
    if (block->heads == 0 || block->width % block->heads != 0 ||
        block->width / block->heads > ATTENTION_MAX_HEAD_SIZE)
        return error_set(err, ERROR_INVALID, "%s: %zu heads do not fit a width of %zu", where,
                         block->heads, block->width);
    if (side == 0 || side * side + 1 > MODEL_TOKEN_LIMIT)
        return error_set(err, ERROR_INVALID, "%s: patches of %zu do not fit a picture of %zu",
                         where, shape->patch_size, shape->image_size);
    return true;
}

static bool load_embeddings(struct vision_transformer *vision, struct parameters *parameters,
                            const struct vision_names *names, struct error *err) {
    size_t width = vision->shape.block.width, patch = vision->shape.patch_size;
    struct shape class_shape = names->has_class_axes ? SHAPE(1, 1, width) : SHAPE(width);
    struct shape position_shape =
        names->has_class_axes ? SHAPE(1, vision->tokens, width) : SHAPE(vision->tokens, width);
    return parameters_get(parameters, "", names->class_embedding, class_shape,
                          &vision->class_embedding, err) &&
           parameters_get(parameters, "", names->position_embedding, position_shape,
                          &vision->position_embedding, err) &&
           parameters_get_patches(parameters, names->patch_weight, SHAPE(width, 3, patch, patch),
                                  &vision->patch_weight, err) &&
           (names->patch_bias == NULL || parameters_get(parameters, "", names->patch_bias,
                                                        SHAPE(width), &vision->patch_bias, err)) &&
           (names->pre_norm == NULL ||
            parameters_get_norm(parameters, "", names->pre_norm, width, &vision->pre_norm_gain,
                                &vision->pre_norm_bias, err));
}

bool vision_transformer_load(struct vision_transformer *vision, struct parameters *parameters,
                             const struct vision_names *names, const struct vision_shape *shape,
                             struct error *err) {
    size_t side = shape->image_size / shape->patch_size;
    size_t width = shape->block.width;
    size_t patch_values = 3 * shape->patch_size * shape->patch_size;
    size_t tokens = side * side + 1, images = VISION_BATCH_TOKENS / tokens;
    if (images < 1) images = 1;
    if (images > VISION_BATCH_MAX) images = VISION_BATCH_MAX;
    *vision = (struct vision_transformer){.shape = *shape, .tokens = tokens, .images_max = images};
    if (!load_embeddings(vision, parameters, names, err)) return false;
    vision->blocks = memory_alloc(shape->layers * sizeof *vision->blocks);
    for (size_t layer = 0; layer < shape->layers; layer++) {
        char prefix[128];
        (void)snprintf(prefix, sizeof prefix, "%s%zu.", names->block_prefix, layer);
        if (!block_weights_load(&vision->blocks[layer], parameters, prefix, names->block,
                                &shape->block, err))
            return false;
    }
    if (!block_scratch_init(&vision->scratch, &shape->block, images * tokens, err)) return false;
    vision->patches = memory_try_aligned(images * side * side * patch_values, sizeof(float));
    vision->states = memory_try_aligned(images * tokens * width, sizeof(float));
    if (vision->patches != NULL && vision->states != NULL) return true;
    return error_set(err, ERROR_INTERNAL, "out of memory for the image tower");
}

void vision_transformer_clear(struct vision_transformer *vision) {
    memory_free(vision->blocks);
    memory_free(vision->patches);
    memory_free(vision->states);
    block_scratch_clear(&vision->scratch);
    *vision = (struct vision_transformer){0};
}

// A convolution whose stride is its size reads every pixel once, so it is a plain product: one
// row a patch, values in the order of the weights: channel, y, x.
static void gather_patches(const struct vision_transformer *vision, const float *planes,
                           float *out) {
    size_t image = vision->shape.image_size, patch = vision->shape.patch_size;
    size_t side = image / patch;
    for (size_t row = 0; row < side; row++)
        for (size_t column = 0; column < side; column++)
            for (size_t channel = 0; channel < 3; channel++)
                for (size_t y = 0; y < patch; y++, out += patch)
                    memcpy(out,
                           planes + (channel * image + row * patch + y) * image + column * patch,
                           patch * sizeof *out);
}

static void embed_patches(struct vision_transformer *vision, struct compute *compute,
                          const float *const *planes, size_t images) {
    size_t width = vision->shape.block.width, patches = vision->tokens - 1;
    size_t patch_values = 3 * vision->shape.patch_size * vision->shape.patch_size;
    size_t outputs = vision->patch_weight.outputs;  // one or two of width
    float *embedded = vision->scratch.qkv;          // [images, patches, outputs]
    for (size_t i = 0; i < images; i++)
        gather_patches(vision, planes[i], vision->patches + i * patches * patch_values);
    linear(compute, &(struct linear){.x = vision->patches,
                                     .rows = images * patches,
                                     .x_stride = patch_values,
                                     .w = &vision->patch_weight,
                                     .y = embedded,
                                     .y_stride = outputs});
    float *state = vision->states;
    for (size_t i = 0; i < images; i++) {
        for (size_t token = 0; token < vision->tokens; token++, state += width) {
            const float *position = vision->position_embedding + token * width;
            const float *value = token == 0 ? vision->class_embedding
                                            : embedded + (i * patches + token - 1) * outputs;
            for (size_t j = 0; j < width; j++) state[j] = value[j];
            if (token > 0 && outputs > width)
                for (size_t j = 0; j < width; j++) state[j] += value[width + j];
            if (token > 0 && vision->patch_bias != NULL)
                for (size_t j = 0; j < width; j++) state[j] += vision->patch_bias[j];
            for (size_t j = 0; j < width; j++) state[j] += position[j];
        }
    }
}

void vision_transformer_forward(struct vision_transformer *vision, struct compute *compute,
                                const float *const *planes, size_t images, size_t rows,
                                const char *stage, const struct model_trace *trace) {
    const struct block_shape *shape = &vision->shape.block;
    struct token_sequence sequences[VISION_BATCH_MAX];
    assert(images <= vision->images_max);
    embed_patches(vision, compute, planes, images);
    if (vision->pre_norm_gain != NULL)
        layer_norm_f32(compute, vision->states, images * vision->tokens, shape->width,
                       vision->pre_norm_gain, vision->pre_norm_bias, shape->epsilon,
                       vision->states);
    char name[64];
    for (size_t layer = 0; layer < vision->shape.layers; layer++) {
        bool is_last = layer + 1 == vision->shape.layers;
        size_t updated = is_last ? rows : vision->tokens;
        for (size_t i = 0; i < images; i++)
            sequences[i] = (struct token_sequence){.tokens = vision->tokens, .rows = updated};
        block_forward(compute, &vision->blocks[layer], shape, &vision->scratch, vision->states,
                      sequences, images);
        if (trace == NULL || (layer > 0 && !is_last)) continue;
        (void)snprintf(name, sizeof name, "%s.%s", stage, layer == 0 ? "block_0" : "block_last");
        model_trace_tap(trace, name, vision->states, 0, images * updated, shape->width);
    }
}
