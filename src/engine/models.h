// The models that answer, loaded: tokenizers, weights, kernels, and mocks in their place. What
// works on pictures' planes and token ids runs on the engine's worker only; what prepares them may
// run on any thread.
#pragma once

#include "engine/engine.h"

struct models;

struct models *models_load(const struct engine_options *options, struct engine_info *info,
                           struct error *err);
void models_destroy(struct models *models);

// engine_prepare_image. Any thread.
bool models_prepare_image(const struct models *models, const void *bytes, size_t size,
                          const struct image_limits *limits, enum image_use use,
                          struct prepared_image *image, struct image_info *info, struct error *err);

// What goes through a model together. A member whose error is of kind ERROR_NONE was answered.
struct text_member {
    const char *text;
    struct embedding *embedding;
    bool is_cut;
    size_t token_count;  // that were read
    struct error error;
};
struct picture_member {
    const struct prepared_image *image;
    struct embedding *embedding;
    struct error error;
};
struct caption_member {
    const struct prepared_image *image;
    struct caption *caption;
    struct error error;
};

// Worker only. Texts up to CLIP_TEXTS_MAX, captions up to BLIP_CAPTIONS_MAX, any number of
// pictures.
void models_embed_texts(struct models *models, struct text_member *members, size_t count);
void models_embed_pictures(struct models *models, struct picture_member *members, size_t count);
// Tells how long it was at looking and at writing.
void models_write_captions(struct models *models, struct caption_member *members, size_t count,
                           struct engine_timings *timings);
// Cosine of two embeddings of one space.
float models_similarity(const struct models *models, const struct embedding *a,
                        const struct embedding *b);
