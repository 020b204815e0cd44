// One pre-norm transformer block, as in ViT and CLIP's text tower:
//   x += projection(attention(layer_norm_1(x)));  x += fc2(activation(fc1(layer_norm_2(x))))
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernels.h"
#include "model/parameters.h"

struct block_shape {
    size_t width;  // of a token
    size_t heads;  // head size = width / heads
    size_t mlp_width;
    float epsilon;  // of the layer norms
    enum activation activation;
    bool is_causal;
};

// How the tensors of a block are called; NULL where the file keeps q, k, v in one tensor or apart.
struct block_names {
    const char *norm1, *norm2;          // "ln_1": + ".weight", ".bias"
    const char *qkv_weight, *qkv_bias;  // [3 * width, width], [3 * width]
    const char *q, *k, *v;              // "self_attn.q_proj": + ".weight", ".bias"
    const char *projection, *fc1, *fc2;
};
extern const struct block_names block_names_open_clip;
extern const struct block_names block_names_hugging_face;  // CLIPModel
extern const struct block_names block_names_blip_vision;

struct block_weights {
    const float *norm1_gain, *norm1_bias, *norm2_gain, *norm2_bias;  // [width]
    const float *q, *k, *v, *projection;                             // [width, width]
    const float *q_bias, *k_bias, *v_bias, *projection_bias;         // [width]
    const float *fc1, *fc1_bias;                                     // [mlp_width, width]
    const float *fc2, *fc2_bias;                                     // [width, mlp_width]
};

// Working memory of a tower, sized once for its longest sequence.
struct block_scratch {
    float *memory;
    float *normed;    // [tokens, width]
    float *qkv;       // [tokens, 3 * width]
    float *attended;  // [tokens, width]
    float *hidden;    // [tokens, mlp_width]
};

bool block_weights_load(struct block_weights *block, struct parameters *parameters,
                        const char *prefix, const struct block_names *names,
                        const struct block_shape *shape, struct error *err);
bool block_scratch_init(struct block_scratch *scratch, const struct block_shape *shape,
                        size_t tokens, struct error *err);
void block_scratch_clear(struct block_scratch *scratch);

// Updates rows first … first + rows - 1 of x [tokens, width]; the others only serve as keys and
// values. Pass 0 and tokens for all; the last block of a tower that reads one token needs one.
void block_forward(struct compute *compute, const struct block_weights *block,
                   const struct block_shape *shape, struct block_scratch *scratch, float *x,
                   size_t tokens, size_t first, size_t rows);
