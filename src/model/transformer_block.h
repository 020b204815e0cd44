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

// How the tensors of a block are called.
struct block_names {
    const char *norm1, *norm2;  // "ln_1": + ".weight", ".bias"
    struct layer_names qkv;     // one tensor, or three
    struct layer_names projection, fc1, fc2;
};
extern const struct block_names block_names_open_clip;
extern const struct block_names block_names_hugging_face;  // CLIPModel
extern const struct block_names block_names_blip_vision;

struct block_weights {
    const float *norm1_gain, *norm1_bias, *norm2_gain, *norm2_bias;  // [width]
    struct layer qkv;         // [3 * width, width]: q, k, v below each other
    struct layer projection;  // [width, width]
    struct layer fc1, fc2;    // [mlp_width, width], [width, mlp_width]
};

// Working memory of a tower, sized once for the most tokens that go through it together.
struct block_scratch {
    float *memory;
    float *normed;    // [tokens, width]
    float *qkv;       // [tokens, 3 * width]
    float *attended;  // [tokens, width]
    float *hidden;    // [tokens, mlp_width], rows hidden_stride apart
    size_t hidden_stride;
};

bool block_weights_load(struct block_weights *block, struct parameters *parameters,
                        const char *prefix, const struct block_names *names,
                        const struct block_shape *shape, struct error *err);
bool block_scratch_init(struct block_scratch *scratch, const struct block_shape *shape,
                        size_t tokens, struct error *err);
void block_scratch_clear(struct block_scratch *scratch);

// One of the sequences that go through a tower together, below each other in x. Rows first …
// first + rows - 1 of it are updated; the others only serve as keys and values.
struct token_sequence {
    size_t tokens;
    size_t first;
    size_t rows;
};

// x is [tokens of all sequences, width]. Afterwards it begins with the updated rows of all
// sequences, below each other; where not all were updated, what follows them is lost. Sequences do
// not see each other: what one becomes does not depend on the others, but for the rounding of
// products that linear() makes in another order when there are more rows.
void block_forward(struct compute *compute, const struct block_weights *block,
                   const struct block_shape *shape, struct block_scratch *scratch, float *x,
                   const struct token_sequence *sequences, size_t count);
