// BLIP's text decoder: BERT's post-norm layers with cross-attention to the picture's states. Keys
// and values of earlier tokens are kept; those of the picture are computed once a picture.
#pragma once

#include <stdint.h>

#include "kernels/kernels.h"
#include "model/parameters.h"

struct blip_decoder_shape {
    size_t width;
    size_t layers;
    size_t heads;
    size_t mlp_width;
    size_t vocabulary_size;
    size_t max_positions;
    size_t image_width;  // of the states it looks at
    float epsilon;
    enum activation activation;
};

struct decoder_layer {
    const float *q, *k, *v, *attended;                      // [width, width]
    const float *q_bias, *k_bias, *v_bias, *attended_bias;  // [width]
    const float *attended_gain, *attended_shift;            // layer norm
    const float *cross_q, *cross_attended;                  // [width, width]
    const float *cross_k, *cross_v;                         // [width, image_width]
    const float *cross_q_bias, *cross_k_bias, *cross_v_bias, *cross_attended_bias;
    const float *cross_gain, *cross_shift;
    const float *fc1, *fc1_bias;  // [mlp_width, width]
    const float *fc2, *fc2_bias;  // [width, mlp_width]
    const float *output_gain, *output_shift;
};

struct blip_decoder {
    struct blip_decoder_shape shape;
    size_t image_tokens;
    size_t max_tokens;                // a caption may have, the beginning token included
    const float *word_embedding;      // [vocabulary, width]
    const float *position_embedding;  // [max_positions, width]
    const float *embedding_gain, *embedding_shift;
    struct decoder_layer *layers;
    const float *transform, *transform_bias;  // [width, width]
    const float *transform_gain, *transform_shift;
    const float *head, *head_bias;  // [vocabulary, width]

    float *memory;        // all that follows
    float *image_keys;    // [layers, image_tokens, width]
    float *image_values;  // likewise
    float *past_keys;     // [layers, max_tokens, width]
    float *past_values;   // likewise
    float *state;         // [width]
    float *query;         // [width]
    float *attended;      // [width]
    float *hidden;        // [mlp_width]
    float *logits;        // [vocabulary]
};

bool blip_decoder_load(struct blip_decoder *decoder, struct parameters *parameters,
                       const struct blip_decoder_shape *shape, size_t image_tokens,
                       size_t max_tokens, struct error *err);
void blip_decoder_clear(struct blip_decoder *decoder);

// Computes the picture's keys and values for every layer. states is [image_tokens, image_width].
void blip_decoder_look(struct blip_decoder *decoder, struct compute *compute, const float *states);
// Feeds one token at its position (0 first, each once, in order); leaves decoder->logits.
void blip_decoder_step(struct blip_decoder *decoder, struct compute *compute, int32_t token,
                       size_t position);
