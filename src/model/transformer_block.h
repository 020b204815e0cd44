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
    // [3 * width, width]; no outputs where the file keeps the three apart. Else q, k and v are rows
    // of it, and their biases follow each other.
    struct weight_matrix qkv;
    struct weight_matrix q, k, v, projection;                 // [width, width]
    const float *q_bias, *k_bias, *v_bias, *projection_bias;  // [width]
    struct weight_matrix fc1, fc2;     // [mlp_width, width], [width, mlp_width]
    const float *fc1_bias, *fc2_bias;  // [mlp_width], [width]
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
