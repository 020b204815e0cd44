// BLIP's text decoder: BERT's post-norm layers with cross-attention to the picture's states. Keys
// and values of earlier tokens are kept; those of the picture are computed once a picture. Several
// captions go on together, each in a place of its own, so that a step reads the weights once.
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
    struct layer qkv;                             // [3 * width, width]
    struct layer attended;                        // [width, width]
    const float *attended_gain, *attended_shift;  // layer norm
    struct layer cross_q, cross_attended;         // [width, width]
    struct layer cross_kv;                        // [2 * width, image_width]
    const float *cross_gain, *cross_shift;
    struct layer fc1, fc2;  // [mlp_width, width], [width, mlp_width]
    const float *output_gain, *output_shift;
};

// A place costs 42 MiB once it is used, nearly all for the picture's keys and values. Four captions
// together already share out what reading the weights costs (docs/speed-log.md).
enum { BLIP_DECODER_PLACES = 4 };

struct blip_decoder {
    struct blip_decoder_shape shape;
    size_t image_tokens;
    size_t max_tokens;                // a caption may have, the beginning token included
    const float *word_embedding;      // [vocabulary, width]
    const float *position_embedding;  // [max_positions, width]
    const float *embedding_gain, *embedding_shift;
    struct decoder_layer *layers;
    struct layer transform, head;  // [width, width], [vocabulary, width]
    const float *transform_gain, *transform_shift;

    float *memory;    // all that follows
    float *image_kv;  // [places, layers, image_tokens, 2 * width]: a token's key, then its value
    float *past_kv;   // [places, layers, max_tokens, 2 * width]
    float *state;     // [places, width]
    float *qkv;       // [places, 3 * width]
    float *attended;  // [places, width]
    float *hidden;    // [places, mlp_width]
    float *logits;    // [places, vocabulary]
};

bool blip_decoder_load(struct blip_decoder *decoder, struct parameters *parameters,
                       const struct blip_decoder_shape *shape, size_t image_tokens,
                       size_t max_tokens, struct error *err);
void blip_decoder_clear(struct blip_decoder *decoder);

// Computes a picture's keys and values for every layer. states is [image_tokens, image_width].
void blip_decoder_look(struct blip_decoder *decoder, struct compute *compute, size_t place,
                       const float *states);

struct decoder_input {
    size_t place;  // of the caption
    int32_t token;
};
// Feeds one token to each of `count` captions, all at the same position (0 first, each once, in
// order). Leaves decoder->logits [count, vocabulary].
void blip_decoder_step(struct blip_decoder *decoder, struct compute *compute,
                       const struct decoder_input *inputs, size_t count, size_t position);
