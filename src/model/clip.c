#include "model/clip.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"

struct clip {
    struct clip_config config;
    struct parameters *parameters;

    struct vision_transformer vision;
    const float *post_norm_gain;  // [vision width]
    const float *post_norm_bias;
    const float *image_projection;  // [embedding, vision width]

    const float *token_embedding;     // [vocabulary, text width]
    const float *position_embedding;  // [context, text width]
    struct block_weights *text_blocks;
    const float *final_norm_gain;  // [text width]
    const float *final_norm_bias;
    const float *text_projection;  // [embedding, text width]
    struct block_scratch text_scratch;
    float *text_states;  // [context, text width]
    float *pooled;       // [larger of the two widths]
};

// Where the two publishers of the format put things.
struct clip_names {
    struct vision_names vision;
    const char *post_norm, *image_projection;
    const char *token_embedding, *position_embedding;
    const char *text_block_prefix, *final_norm, *text_projection;
    bool has_transposed_projections;  // feature @ matrix, rather than a Linear's weight
};

static const struct clip_names open_clip_names = {
    .vision = {.class_embedding = "visual.class_embedding",
               .position_embedding = "visual.positional_embedding",
               .patch_weight = "visual.conv1.weight",
               .pre_norm = "visual.ln_pre",
               .block_prefix = "visual.transformer.resblocks.",
               .block = &block_names_open_clip},
    .post_norm = "visual.ln_post",
    .image_projection = "visual.proj",
    .token_embedding = "token_embedding.weight",
    .position_embedding = "positional_embedding",
    .text_block_prefix = "transformer.resblocks.",
    .final_norm = "ln_final",
    .text_projection = "text_projection",
    .has_transposed_projections = true,
};

static const struct clip_names hugging_face_names = {
    .vision = {.class_embedding = "vision_model.embeddings.class_embedding",
               .position_embedding = "vision_model.embeddings.position_embedding.weight",
               .patch_weight = "vision_model.embeddings.patch_embedding.weight",
               .pre_norm = "vision_model.pre_layrnorm",  // misspelt in the format
               .block_prefix = "vision_model.encoder.layers.",
               .block = &block_names_hugging_face},
    .post_norm = "vision_model.post_layernorm",
    .image_projection = "visual_projection.weight",
    .token_embedding = "text_model.embeddings.token_embedding.weight",
    .position_embedding = "text_model.embeddings.position_embedding.weight",
    .text_block_prefix = "text_model.encoder.layers.",
    .final_norm = "text_model.final_layer_norm",
    .text_projection = "text_projection.weight",
    .has_transposed_projections = false,
};

static bool get_projection(struct clip *clip, const struct clip_names *names, const char *name,
                           size_t inputs, const float **out, struct error *err) {
    size_t outputs = clip->config.embedding_width;
    return names->has_transposed_projections
               ? parameters_get_transposed(clip->parameters, "", name, outputs, inputs, out, err)
               : parameters_get(clip->parameters, "", name, SHAPE(outputs, inputs), out, err);
}

static bool load_image_tower(struct clip *clip, const struct clip_names *names, struct error *err) {
    size_t width = clip->config.vision.block.width;
    struct vision_names vision = names->vision;
    if (!clip->config.has_pre_norm) vision.pre_norm = NULL;
    return vision_transformer_load(&clip->vision, clip->parameters, &vision, &clip->config.vision,
                                   err) &&
           parameters_get_norm(clip->parameters, "", names->post_norm, width, &clip->post_norm_gain,
                               &clip->post_norm_bias, err) &&
           get_projection(clip, names, names->image_projection, width, &clip->image_projection,
                          err);
}

static bool load_text_tower(struct clip *clip, const struct clip_names *names, struct error *err) {
    const struct clip_config *config = &clip->config;
    size_t width = config->text.width;
    if (!parameters_get(clip->parameters, "", names->token_embedding,
                        SHAPE(config->vocabulary_size, width), &clip->token_embedding, err) ||
        !parameters_get(clip->parameters, "", names->position_embedding,
                        SHAPE(config->context_length, width), &clip->position_embedding, err) ||
        !parameters_get_norm(clip->parameters, "", names->final_norm, width, &clip->final_norm_gain,
                             &clip->final_norm_bias, err) ||
        !get_projection(clip, names, names->text_projection, width, &clip->text_projection, err))
        return false;
    clip->text_blocks = memory_alloc(config->text_layers * sizeof *clip->text_blocks);
    for (size_t layer = 0; layer < config->text_layers; layer++) {
        char prefix[128];
        (void)snprintf(prefix, sizeof prefix, "%s%zu.", names->text_block_prefix, layer);
        if (!block_weights_load(&clip->text_blocks[layer], clip->parameters, prefix,
                                names->vision.block, &config->text, err))
            return false;
    }
    return true;
}

static bool create_scratch(struct clip *clip, struct error *err) {
    const struct clip_config *config = &clip->config;
    size_t widest = config->vision.block.width > config->text.width ? config->vision.block.width
                                                                    : config->text.width;
    if (!block_scratch_init(&clip->text_scratch, &config->text, config->context_length, err))
        return false;
    clip->text_states =
        memory_try_aligned(config->context_length * config->text.width, sizeof(float));
    clip->pooled = memory_try_aligned(widest, sizeof(float));
    if (clip->text_states != NULL && clip->pooled != NULL) return true;
    return error_set(err, ERROR_INTERNAL, "out of memory for CLIP's text tower");
}

bool clip_find_weights(const char *folder, char path[static PATH_MAX], struct error *err) {
    static const char *const files[] = {"open_clip_model.safetensors", "model.safetensors",
                                        "open_clip_pytorch_model.bin", "pytorch_model.bin", NULL};
    return parameters_find(folder, files, path, err);
}

struct clip *clip_load(const char *folder, struct packed_cache *packed, struct error *err) {
    char path[PATH_MAX];
    struct clip *clip = memory_alloc(sizeof *clip);
    if (!clip_find_weights(folder, path, err)) {
        packed_cache_close(packed);
        goto fail;
    }
    clip->parameters = parameters_open(path, packed, err);
    if (clip->parameters == NULL) goto fail;
    bool is_open_clip = parameters_have(clip->parameters, open_clip_names.image_projection);
    const struct clip_names *names = is_open_clip ? &open_clip_names : &hugging_face_names;
    if (!clip_config_read(&clip->config, folder, is_open_clip, err)) goto fail;
    if (!load_image_tower(clip, names, err) || !load_text_tower(clip, names, err) ||
        !create_scratch(clip, err))
        goto fail;
    return clip;
fail:
    clip_destroy(clip);
    return NULL;
}

void clip_destroy(struct clip *clip) {
    if (clip == NULL) return;
    vision_transformer_clear(&clip->vision);
    block_scratch_clear(&clip->text_scratch);
    memory_free(clip->text_blocks);
    memory_free(clip->text_states);
    memory_free(clip->pooled);
    parameters_close(clip->parameters);
    memory_free(clip);
}

const struct clip_config *clip_config(const struct clip *clip) { return &clip->config; }

void clip_fingerprint(const struct clip *clip, char text[static CLIP_FINGERPRINT_SIZE]) {
    const struct clip_config *config = &clip->config;
    struct sha256_stream stream;
    uint8_t digest[SHA256_SIZE] = {0};
    char hex[SHA256_HEX_SIZE];
    if (sha256_stream_init(&stream)) {
        (void)sha256_stream_update(
            &stream, clip->image_projection,
            config->embedding_width * config->vision.block.width * sizeof(float));
        (void)sha256_stream_update(&stream, clip->text_projection,
                                   config->embedding_width * config->text.width * sizeof(float));
    }
    (void)sha256_stream_finish(&stream, digest);
    sha256_hex(digest, hex);
    (void)snprintf(text, CLIP_FINGERPRINT_SIZE, "%.8s", hex);
}

// Layer norm of one token, projection into the shared space, unit length.
static bool project(struct clip *clip, struct compute *compute, const float *state, size_t width,
                    const float *gain, const float *bias, float epsilon, const float *projection,
                    float *embedding, struct error *err) {
    size_t outputs = clip->config.embedding_width;
    struct weight_matrix weight = weight_matrix_f32(projection, outputs, width);
    layer_norm_f32(compute, state, 1, width, gain, bias, epsilon, clip->pooled);
    linear(compute, &(struct linear){.x = clip->pooled,
                                     .rows = 1,
                                     .x_stride = width,
                                     .w = &weight,
                                     .y = embedding,
                                     .y_stride = outputs});
    if (normalize_f32(compute, embedding, outputs)) return true;
    return error_set(err, ERROR_INTERNAL,
                     "the search model computed numbers that are not finite; its weights (%s) are "
                     "probably damaged: run imgrouter models verify",
                     parameters_path(clip->parameters));
}

bool clip_embed_image(struct clip *clip, struct compute *compute, const float *planes,
                      float *embedding, const struct model_trace *trace, struct error *err) {
    // Only the class token is read after the blocks.
    vision_transformer_forward(&clip->vision, compute, planes, 1, "clip.vision", trace);
    const struct block_shape *shape = &clip->config.vision.block;
    return project(clip, compute, clip->vision.states, shape->width, clip->post_norm_gain,
                   clip->post_norm_bias, shape->epsilon, clip->image_projection, embedding, err);
}

bool clip_embed_text(struct clip *clip, struct compute *compute, const int32_t *ids, size_t count,
                     float *embedding, const struct model_trace *trace, struct error *err) {
    const struct clip_config *config = &clip->config;
    size_t width = config->text.width, last = 0;
    if (count == 0 || count > config->context_length)
        return error_set(err, ERROR_INTERNAL, "a text of %zu tokens was passed to the search model",
                         count);
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= config->vocabulary_size)
            return error_set(err, ERROR_INTERNAL,
                             "token %d is not in the search model's vocabulary of %zu: its "
                             "vocabulary files belong to another model",
                             (int)ids[i], config->vocabulary_size);
        if (ids[i] > ids[last]) last = i;  // the end token has the highest id; the first counts
    }
    size_t tokens = last + 1;
    for (size_t i = 0; i < tokens; i++) {
        const float *word = clip->token_embedding + (size_t)ids[i] * width;
        const float *position = clip->position_embedding + i * width;
        for (size_t j = 0; j < width; j++) clip->text_states[i * width + j] = word[j] + position[j];
    }
    for (size_t layer = 0; layer < config->text_layers; layer++) {
        bool is_last = layer + 1 == config->text_layers;
        size_t first = is_last ? last : 0;
        block_forward(compute, &clip->text_blocks[layer], &config->text, &clip->text_scratch,
                      clip->text_states, tokens, first, tokens - first);
        if (layer == 0 || is_last)
            model_trace_tap(trace, layer == 0 ? "clip.text.block_0" : "clip.text.block_last",
                            clip->text_states + first * width, first, tokens - first, width);
    }
    return project(clip, compute, clip->text_states + last * width, width, clip->final_norm_gain,
                   clip->final_norm_bias, config->text.epsilon, clip->text_projection, embedding,
                   err);
}
