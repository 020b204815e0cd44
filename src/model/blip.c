#include "model/blip.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"

enum { CAPTION_LIMIT = 64 };  // tokens kept for a caption; the service asks for 30

struct blip {
    struct blip_config config;
    struct parameters *parameters;
    struct vision_transformer vision;
    const float *post_norm_gain;  // [image width]
    const float *post_norm_bias;
    struct blip_decoder decoder;
};

static const struct vision_names vision_names = {
    .class_embedding = "vision_model.embeddings.class_embedding",
    .position_embedding = "vision_model.embeddings.position_embedding",
    .patch_weight = "vision_model.embeddings.patch_embedding.weight",
    .patch_bias = "vision_model.embeddings.patch_embedding.bias",
    .block_prefix = "vision_model.encoder.layers.",
    .has_class_axes = true,
    .block = &block_names_blip_vision,
};

bool blip_find_weights(const char *folder, char path[static PATH_MAX], struct error *err) {
    static const char *const files[] = {"model.safetensors", "pytorch_model.bin", NULL};
    return parameters_find(folder, files, path, err);
}

struct blip *blip_load(const char *folder, struct packed_cache *packed, struct error *err) {
    char path[PATH_MAX];
    struct blip *blip = memory_alloc(sizeof *blip);
    if (!blip_config_read(&blip->config, folder, err) || !blip_find_weights(folder, path, err)) {
        packed_cache_close(packed);
        goto fail;
    }
    blip->parameters = parameters_open(path, packed, err);
    if (blip->parameters == NULL) goto fail;
    const struct blip_config *config = &blip->config;
    size_t limit =
        config->text.max_positions < CAPTION_LIMIT ? config->text.max_positions : CAPTION_LIMIT;
    if (!vision_transformer_load(&blip->vision, blip->parameters, &vision_names, &config->vision,
                                 err) ||
        !parameters_get_norm(blip->parameters, "", "vision_model.post_layernorm",
                             config->vision.block.width, &blip->post_norm_gain,
                             &blip->post_norm_bias, err) ||
        !blip_decoder_load(&blip->decoder, blip->parameters, &config->text, blip->vision.tokens,
                           limit, err))
        goto fail;
    return blip;
fail:
    blip_destroy(blip);
    return NULL;
}

void blip_destroy(struct blip *blip) {
    if (blip == NULL) return;
    vision_transformer_clear(&blip->vision);
    blip_decoder_clear(&blip->decoder);
    parameters_close(blip->parameters);
    memory_free(blip);
}

const struct blip_config *blip_config(const struct blip *blip) { return &blip->config; }

struct parameters *blip_parameters(struct blip *blip) {
    return blip->parameters;
}

void blip_see(struct blip *blip, struct compute *compute, size_t place, const float *planes,
              const struct model_trace *trace) {
    struct vision_transformer *vision = &blip->vision;
    size_t width = vision->shape.block.width;
    vision_transformer_forward(vision, compute, &planes, 1, vision->tokens, "blip.vision", trace);
    layer_norm_f32(compute, vision->states, vision->tokens, width, blip->post_norm_gain,
                   blip->post_norm_bias, vision->shape.block.epsilon, vision->states);
    model_trace_tap(trace, "blip.vision.output", vision->states, 0, vision->tokens, width);
    blip_decoder_look(&blip->decoder, compute, place, vision->states);
}

static bool not_finite(const struct blip *blip, struct error *err) {
    return error_set(err, ERROR_INTERNAL,
                     "the caption model computed numbers that are not finite; its weights (%s) "
                     "are probably damaged: run imgrouter models verify",
                     parameters_path(blip->parameters));
}

// Adds the likeliest token to a caption. false when that was the last.
static bool choose_token(const struct blip *blip, const struct compute *compute,
                         const float *logits, struct blip_caption *caption) {
    float *probability = &caption->probabilities[caption->count];
    int32_t token = (int32_t)argmax_softmax_f32(compute, logits,
                                                blip->decoder.shape.vocabulary_size, probability);
    if (!isfinite(*probability) || *probability <= 0) {
        caption->count = 0;
        return not_finite(blip, &caption->error);
    }
    caption->ids[caption->count++] = token;
    return token != blip->config.end_token;
}

void blip_tell(struct blip *blip, struct compute *compute, struct blip_caption *captions,
               size_t count, size_t limit, const struct model_trace *trace) {
    struct blip_decoder *decoder = &blip->decoder;
    size_t vocabulary = decoder->shape.vocabulary_size;
    struct decoder_input inputs[BLIP_CAPTIONS_MAX];  // of the captions under way
    assert(count <= BLIP_CAPTIONS_MAX);
    if (limit > decoder->max_tokens) limit = decoder->max_tokens;
    for (size_t i = 0; i < count; i++) {
        inputs[i] = (struct decoder_input){.place = i, .token = blip->config.begin_token};
        captions[i].count = 0;
    }
    for (size_t position = 0; position < limit && count > 0; position++) {
        blip_decoder_step(decoder, compute, inputs, count, position);
        if (position == 0)
            model_trace_tap(trace, "blip.logits_0", decoder->logits, 0, count, vocabulary);
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
            struct blip_caption *caption = &captions[inputs[i].place];
            if (!choose_token(blip, compute, decoder->logits + i * vocabulary, caption)) continue;
            inputs[left].place = inputs[i].place;
            inputs[left++].token = caption->ids[position];
        }
        count = left;
    }
}

// The best token and by how much it beats the next; NaN when a logit is not a number.
static int32_t best_of(const float *logits, size_t count, float *margin) {
    float first = -INFINITY, second = -INFINITY, sum = 0;
    int32_t best = 0;
    for (size_t token = 0; token < count; token++) {
        sum += logits[token];
        if (logits[token] > first) {
            second = first;
            first = logits[token];
            best = (int32_t)token;
        } else if (logits[token] > second) {
            second = logits[token];
        }
    }
    *margin = isnan(sum) ? NAN : first - second;
    return best;
}

size_t blip_choose(struct blip *blip, struct compute *compute, size_t limit, const int32_t *given,
                   int32_t *chosen, float *margins, struct error *err) {
    struct blip_decoder *decoder = &blip->decoder;
    const int32_t *past = given == NULL ? chosen : given;
    if (limit > decoder->max_tokens) limit = decoder->max_tokens;
    size_t count = 0;
    while (count < limit) {
        struct decoder_input input = {.token =
                                          count == 0 ? blip->config.begin_token : past[count - 1]};
        blip_decoder_step(decoder, compute, &input, 1, count);
        chosen[count] = best_of(decoder->logits, decoder->shape.vocabulary_size, &margins[count]);
        if (!isfinite(margins[count])) {
            not_finite(blip, err);
            return 0;
        }
        if (chosen[count++] == blip->config.end_token && given == NULL) break;
    }
    return count;
}
