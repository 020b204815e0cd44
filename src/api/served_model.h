// The names that clients call the models by which answer here.
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "engine/engine.h"

enum served_model { SERVED_CAPTION, SERVED_EMBEDDING };

// The name in full, as answers show it.
const char *served_model_name(const struct engine_info *info, enum served_model model);
// Whether this is a name of the model: its own, that without the fingerprint behind "@", the name
// of its repository ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K"), OpenCLIP's
// ("ViT-B-32/laion2b_s34b_b79k") or Immich's ("ViT-B-32__laion2b-s34b-b79k"). Case and punctuation
// do not matter.
bool served_model_is(const struct engine_info *info, enum served_model model, const char *name);
// Sets an error of this kind, which tells what is served, unless it is.
bool served_model_check(const struct engine_info *info, enum served_model model, const char *name,
                        enum error_kind kind, struct error *err);
