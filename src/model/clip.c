#include "model/clip.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"

struct clip {
    struct clip_config config;
    struct parameters *parameters;
    float logit_scale;

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
    float *text_states;  // [CLIP_TEXTS_MAX * context, text width]
    float *pooled;       // [CLIP_TEXTS_MAX, larger of the two widths]
    float *projected;    // [CLIP_TEXTS_MAX, embedding]
};

_Static_assert((int)VISION_BATCH_MAX <= (int)CLIP_TEXTS_MAX, "pooled has a row for every member");

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

// Both publishers call it the same. Nothing but the judging of results depends on it.
static bool load_logit_scale(struct clip *clip, struct error *err) {
    static const char name[] = "logit_scale";
    float logarithm;
    clip->logit_scale = CLIP_LOGIT_SCALE_MAX;
    if (!parameters_have(clip->parameters, name)) return true;
    if (!parameters_get_number(clip->parameters, name, &logarithm, err)) return false;
    if (!isfinite(logarithm))
        return error_set(err, ERROR_UNSUPPORTED,
                         "%s: \"%s\" is not a finite number; the file is probably damaged: run "
                         "imgrouter models verify",
                         parameters_path(clip->parameters), name);
    clip->logit_scale = fminf(expf(logarithm), CLIP_LOGIT_SCALE_MAX);
    return true;
}

static bool create_scratch(struct clip *clip, struct error *err) {
    const struct clip_config *config = &clip->config;
    size_t widest = config->vision.block.width > config->text.width ? config->vision.block.width
                                                                    : config->text.width;
    size_t tokens = CLIP_TEXTS_MAX * config->context_length;
    if (!block_scratch_init(&clip->text_scratch, &config->text, tokens, err)) return false;
    clip->text_states = memory_try_aligned(tokens * config->text.width, sizeof(float));
    clip->pooled = memory_try_aligned(CLIP_TEXTS_MAX * widest, sizeof(float));
    clip->projected = memory_try_aligned(CLIP_TEXTS_MAX * config->embedding_width, sizeof(float));
    if (clip->text_states != NULL && clip->pooled != NULL && clip->projected != NULL) return true;
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
        !load_logit_scale(clip, err) || !create_scratch(clip, err))
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
    memory_free(clip->projected);
    parameters_close(clip->parameters);
    memory_free(clip);
}

const struct clip_config *clip_config(const struct clip *clip) { return &clip->config; }

float clip_logit_scale(const struct clip *clip) { return clip->logit_scale; }

struct parameters *clip_parameters(struct clip *clip) {
    return clip->parameters;
}

// Adds what makes pictures look different to the same weights. The usual way, CLIP's own, adds
// nothing: spaces from before preprocessing was told apart keep their names.
static void hash_preprocessing(struct sha256_stream *stream, const struct clip_config *config) {
    const float *mean = config->normalization.mean, *deviation = config->normalization.deviation;
    bool is_usual = !config->is_squashed;
    for (size_t i = 0; i < 3; i++)
        is_usual = is_usual && mean[i] == normalization_clip.mean[i] &&
                   deviation[i] == normalization_clip.deviation[i];
    // Without a remainder the size follows from the weights: it is that of the positions they have.
    size_t remainder = config->vision.image_size % config->vision.patch_size;
    char text[256];
    if (is_usual && remainder == 0) return;
    // %a writes a number exactly.
    int length = snprintf(text, sizeof text, "%s %zu mean %a %a %a deviation %a %a %a",
                          config->is_squashed ? "squashed" : "cropped", config->vision.image_size,
                          (double)mean[0], (double)mean[1], (double)mean[2], (double)deviation[0],
                          (double)deviation[1], (double)deviation[2]);
    (void)sha256_stream_update(stream, text, (size_t)length);
}

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
        hash_preprocessing(&stream, config);
    }
    (void)sha256_stream_finish(&stream, digest);
    sha256_hex(digest, hex);
    (void)snprintf(text, CLIP_FINGERPRINT_SIZE, "%.8s", hex);
}

// How a tower's last states become vectors.
struct projection {
    size_t width;
    const float *gain, *bias;  // of the layer norm
    float epsilon;
    const float *matrix;  // [embedding, width]
};

// Layer norm of each member's token, projection into the shared space: states [count, width] to
// clip->projected.
static void project(struct clip *clip, struct compute *compute, const float *states, size_t count,
                    const struct projection *projection) {
    size_t outputs = clip->config.embedding_width, width = projection->width;
    struct weight_matrix weight = weight_matrix_f32(projection->matrix, outputs, width);
    layer_norm_f32(compute, states, count, width, projection->gain, projection->bias,
                   projection->epsilon, clip->pooled);
    linear(compute, &(struct linear){.x = clip->pooled,
                                     .rows = count,
                                     .x_stride = width,
                                     .w = &weight,
                                     .y = clip->projected,
                                     .y_stride = outputs});
}

// A member's vector, brought to unit length.
static bool take_vector(const struct clip *clip, const struct compute *compute, size_t member,
                        float *embedding, struct error *err) {
    size_t width = clip->config.embedding_width;
    memcpy(embedding, clip->projected + member * width, width * sizeof *embedding);
    if (normalize_f32(compute, embedding, width)) return true;
    return error_set(err, ERROR_INTERNAL,
                     "the search model computed numbers that are not finite; its weights (%s) are "
                     "probably damaged: run imgrouter models verify",
                     parameters_path(clip->parameters));
}

size_t clip_images_max(const struct clip *clip) { return clip->vision.images_max; }

void clip_embed_images(struct clip *clip, struct compute *compute, struct clip_image *images,
                       size_t count, const struct model_trace *trace) {
    const struct block_shape *shape = &clip->config.vision.block;
    const float *planes[VISION_BATCH_MAX];
    assert(count <= clip->vision.images_max);
    for (size_t i = 0; i < count; i++) planes[i] = images[i].planes;
    // Only the class token is read after the blocks.
    vision_transformer_forward(&clip->vision, compute, planes, count, 1, "clip.vision", trace);
    project(clip, compute, clip->vision.states, count,
            &(struct projection){.width = shape->width,
                                 .gain = clip->post_norm_gain,
                                 .bias = clip->post_norm_bias,
                                 .epsilon = shape->epsilon,
                                 .matrix = clip->image_projection});
    for (size_t i = 0; i < count; i++)
        (void)take_vector(clip, compute, i, images[i].embedding, &images[i].error);
}

// How many of a text's tokens matter; 0 with an error.
static size_t count_tokens(const struct clip *clip, struct clip_text *text) {
    const struct clip_config *config = &clip->config;
    size_t last = 0;
    if (text->count == 0 || text->count > config->context_length) {
        error_set(&text->error, ERROR_INTERNAL,
                  "a text of %zu tokens was passed to the search model", text->count);
        return 0;
    }
    for (size_t i = 0; i < text->count; i++) {
        if (text->ids[i] < 0 || (size_t)text->ids[i] >= config->vocabulary_size) {
            error_set(&text->error, ERROR_INTERNAL,
                      "token %d is not in the search model's vocabulary of %zu: its vocabulary "
                      "files belong to another model",
                      (int)text->ids[i], config->vocabulary_size);
            return 0;
        }
        // The end token has the highest id; the first counts.
        if (text->ids[i] > text->ids[last]) last = i;
    }
    return last + 1;
}

static void embed_tokens(const struct clip *clip, const int32_t *ids, size_t tokens,
                         float *states) {
    size_t width = clip->config.text.width;
    for (size_t i = 0; i < tokens; i++) {
        const float *word = clip->token_embedding + (size_t)ids[i] * width;
        const float *position = clip->position_embedding + i * width;
        for (size_t j = 0; j < width; j++) states[i * width + j] = word[j] + position[j];
    }
}

void clip_embed_texts(struct clip *clip, struct compute *compute, struct clip_text *texts,
                      size_t count, const struct model_trace *trace) {
    const struct clip_config *config = &clip->config;
    struct token_sequence sequences[CLIP_TEXTS_MAX];
    struct clip_text *members[CLIP_TEXTS_MAX];  // those that can be computed
    size_t width = config->text.width, member_count = 0, rows = 0;
    assert(count <= CLIP_TEXTS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t tokens = count_tokens(clip, &texts[i]);
        if (tokens == 0) continue;
        embed_tokens(clip, texts[i].ids, tokens, clip->text_states + rows * width);
        rows += tokens;
        sequences[member_count] = (struct token_sequence){.tokens = tokens, .rows = tokens};
        members[member_count++] = &texts[i];
    }
    for (size_t layer = 0; layer < config->text_layers && member_count > 0; layer++) {
        bool is_last = layer + 1 == config->text_layers;
        for (size_t i = 0; i < member_count && is_last; i++) {
            sequences[i].first = sequences[i].tokens - 1;
            sequences[i].rows = 1;
        }
        block_forward(compute, &clip->text_blocks[layer], &config->text, &clip->text_scratch,
                      clip->text_states, sequences, member_count);
        if (layer == 0 || is_last)
            model_trace_tap(trace, layer == 0 ? "clip.text.block_0" : "clip.text.block_last",
                            clip->text_states, sequences[0].first, is_last ? member_count : rows,
                            width);
    }
    if (member_count == 0) return;
    project(clip, compute, clip->text_states, member_count,
            &(struct projection){.width = width,
                                 .gain = clip->final_norm_gain,
                                 .bias = clip->final_norm_bias,
                                 .epsilon = config->text.epsilon,
                                 .matrix = clip->text_projection});
    for (size_t i = 0; i < member_count; i++)
        (void)take_vector(clip, compute, i, members[i]->embedding, &members[i]->error);
}

bool clip_embed_image(struct clip *clip, struct compute *compute, const float *planes,
                      float *embedding, const struct model_trace *trace, struct error *err) {
    struct clip_image image = {.planes = planes, .embedding = embedding};
    clip_embed_images(clip, compute, &image, 1, trace);
    return image.error.kind == ERROR_NONE ||
           error_set(err, image.error.kind, "%s", image.error.text);
}

bool clip_embed_text(struct clip *clip, struct compute *compute, const int32_t *ids, size_t count,
                     float *embedding, const struct model_trace *trace, struct error *err) {
    struct clip_text text = {.ids = ids, .count = count, .embedding = embedding};
    clip_embed_texts(clip, compute, &text, 1, trace);
    return text.error.kind == ERROR_NONE || error_set(err, text.error.kind, "%s", text.error.text);
}
