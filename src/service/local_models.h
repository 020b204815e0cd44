// The engine's calls, with the patience of bulk work: in the bulk lane a full queue is waited for,
// while who sends one picture is told to come back. Errors: the engine's.
#pragma once

#include "engine/engine.h"

bool local_describe(struct engine *engine, const struct prepared_image *image, enum queue_lane lane,
                    struct description *description, struct error *err);
bool local_caption(struct engine *engine, const struct prepared_image *image, enum queue_lane lane,
                   struct caption *caption, struct engine_timings *timings, struct error *err);
// `timings` may be NULL, here and below.
bool local_embed_image(struct engine *engine, const struct prepared_image *image,
                       enum queue_lane lane, struct embedding *embedding,
                       struct engine_timings *timings, struct error *err);
bool local_embed_text(struct engine *engine, const char *text, enum queue_lane lane,
                      struct embedding *embedding, struct engine_timings *timings,
                      struct error *err);
// Of two vectors of the same model.
double embedding_cosine(const struct embedding *a, const struct embedding *b);
