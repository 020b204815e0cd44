// CLIP / OpenCLIP with a vision transformer: pictures and texts to unit vectors in one space.
// Reads open_clip's and transformers' tensor names. One thread at a time: it owns its scratch.
#pragma once

#include <stdint.h>

#include "kernels/kernels.h"
#include "model/normalization.h"
#include "model/parameters.h"
#include "model/trace.h"
#include "model/transformer_block.h"
#include "model/vision_transformer.h"

struct clip_config {
    struct vision_shape vision;
    struct block_shape text;
    size_t text_layers;
    size_t context_length;  // tokens a text may have
    size_t vocabulary_size;
    size_t embedding_width;
    bool has_pre_norm;                   // false: open_clip's no_ln_pre
    bool is_squashed;                    // the picture; otherwise its centre is cropped
    struct normalization normalization;  // of the picture
};

// Reads open_clip_config.json or config.json (and preprocessor_config.json) of the folder.
// prefers_open_clip: which of the two to believe when both are there.
bool clip_config_read(struct clip_config *config, const char *folder, bool prefers_open_clip,
                      struct error *err);

struct clip;

// The path of the weight file. ERROR_NOT_FOUND.
bool clip_find_weights(const char *folder, char path[static PATH_MAX], struct error *err);
// What CLIP's training keeps its scale below, and where the published models' ends.
#define CLIP_LOGIT_SCALE_MAX 100.0F

// From the weight file or, when `packed` is not NULL, from what was packed of it (taken over, also
// after a failure). Every tensor is checked against the config. Errors name the file and what is
// wrong with it.
struct clip *clip_load(const char *folder, struct packed_cache *packed, struct error *err);
void clip_destroy(struct clip *clip);
const struct clip_config *clip_config(const struct clip *clip);
struct parameters *clip_parameters(struct clip *clip);  // the model's own
// The factor between cosines and the logits of the texts that a picture may have: exp(logit_scale)
// of the weight file, CLIP_LOGIT_SCALE_MAX when it has none.
float clip_logit_scale(const struct clip *clip);

enum { CLIP_FINGERPRINT_SIZE = 9 };
// Eight hex digits that tell one space of vectors from another: a hash of the two projections'
// values, so the same weights published in another file format keep theirs, and of how pictures are
// prepared, where that is not CLIP's usual way (the centre cropped, CLIP's mean and deviation).
void clip_fingerprint(const struct clip *clip, char text[static CLIP_FINGERPRINT_SIZE]);

// One of the pictures that go through the tower together.
struct clip_image {
    const float *planes;  // [3, image_size, image_size]
    float *embedding;     // [embedding_width], unit length
    struct error error;   // ERROR_INTERNAL when the numbers are not finite
};
// One of the texts that go through the tower together.
struct clip_text {
    const int32_t *ids;  // with start and end
    size_t count;        // of ids, up to context_length
    float *embedding;
    struct error error;  // the same
};

enum { CLIP_TEXTS_MAX = 16 };
size_t clip_images_max(const struct clip *clip);

// `count` up to the maximum of each. A member's failure is its own: the others are answered. What a
// member gets does not depend on the others, but for the rounding that f32 weights bring with more
// rows (kernels/linear.c). Of a text only the tokens up to the highest id (the end token) are
// computed: the tower is causal, so the rest cannot matter.
void clip_embed_images(struct clip *clip, struct compute *compute, struct clip_image *images,
                       size_t count, const struct model_trace *trace);
void clip_embed_texts(struct clip *clip, struct compute *compute, struct clip_text *texts,
                      size_t count, const struct model_trace *trace);

// The same for one.
bool clip_embed_image(struct clip *clip, struct compute *compute, const float *planes,
                      float *embedding, const struct model_trace *trace, struct error *err);
bool clip_embed_text(struct clip *clip, struct compute *compute, const int32_t *ids, size_t count,
                     float *embedding, const struct model_trace *trace, struct error *err);
