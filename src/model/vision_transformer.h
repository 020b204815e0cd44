// The image tower that BLIP and CLIP share: patches by a strided convolution, a class token,
// position embeddings, pre-norm blocks. What follows the blocks differs and is the caller's.
#pragma once

#include "kernels/kernels.h"
#include "model/parameters.h"
#include "model/trace.h"
#include "model/transformer_block.h"

enum {
    // Limits on what a config file may ask for; the largest OpenCLIP towers have 1664 wide
    // tokens, 48 layers, 8192 in the MLP and 448-pixel pictures.
    MODEL_WIDTH_LIMIT = 8192,
    MODEL_LAYER_LIMIT = 128,
    MODEL_MLP_LIMIT = 65536,
    MODEL_HEAD_LIMIT = 256,
    MODEL_IMAGE_LIMIT = 2048,
    MODEL_TOKEN_LIMIT = 16384,
    MODEL_VOCABULARY_LIMIT = 1000000,
    // Pictures go through together while their tokens are at most this many: 16 of ViT-B/32's 50,
    // one of BLIP's 577. More rows than that make no product faster (docs/speed-log.md).
    VISION_BATCH_TOKENS = 800,
    VISION_BATCH_MAX = 16,
};

struct vision_shape {
    struct block_shape block;
    size_t layers;
    size_t image_size;  // pixels a side
    size_t patch_size;
};

// How the tensors are called; NULL for those that an architecture lacks.
struct vision_names {
    const char *class_embedding, *position_embedding;
    const char *patch_weight, *patch_bias;
    const char *pre_norm;      // + ".weight", ".bias"; nearly every CLIP has it, BLIP not
    const char *block_prefix;  // format with the layer's number
    bool has_class_axes;       // class and position embeddings are [1, 1, width], [1, n, width]
    const struct block_names *block;
};

struct vision_transformer {
    struct vision_shape shape;
    size_t tokens;                    // patches + 1
    const float *class_embedding;     // [width]
    const float *position_embedding;  // [tokens, width]
    struct weight_matrix
        patch_weight;            // [width, 3 * patch * patch], or two of these to be added up
    const float *patch_bias;     // [width] or NULL
    const float *pre_norm_gain;  // [width] or NULL
    const float *pre_norm_bias;
    struct block_weights *blocks;  // [layers]
    size_t images_max;             // that may go through together
    struct block_scratch scratch;
    float *patches;  // [images_max * (tokens - 1), 3 * patch * patch]
    float *states;   // [images_max * tokens, width]
};

// Checks that the sizes of a config fit together: heads divide the width, patches the image.
bool vision_shape_check(const struct vision_shape *shape, const char *where, struct error *err);

bool vision_transformer_load(struct vision_transformer *vision, struct parameters *parameters,
                             const struct vision_names *names, const struct vision_shape *shape,
                             struct error *err);
void vision_transformer_clear(struct vision_transformer *vision);

// planes[i] is picture i, [3, image_size, image_size], of `images` up to images_max. Leaves the
// first `rows` tokens of each picture (all, or 1 when only the class token is read) in
// vision->states [images, rows, width]. `stage` names the trace's taps: "<stage>.block_0",
// "<stage>.block_last".
void vision_transformer_forward(struct vision_transformer *vision, struct compute *compute,
                                const float *const *planes, size_t images, size_t rows,
                                const char *stage, const struct model_trace *trace);
