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

// Worker only.
bool models_caption(struct models *models, const struct prepared_image *image,
                    struct caption *caption, struct engine_timings *timings, struct error *err);
bool models_embed_image(struct models *models, const struct prepared_image *image,
                        struct embedding *embedding, struct error *err);
bool models_embed_text(struct models *models, const char *text, struct embedding *embedding,
                       bool *is_cut, struct error *err);
// Cosine of two embeddings of one space.
float models_similarity(const struct models *models, const struct embedding *a,
                        const struct embedding *b);
