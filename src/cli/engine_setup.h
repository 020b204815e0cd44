// From settings to running models: finds the model folders, starts the engine, and says loudly
// when mocks are going to answer.
#pragma once

#include "cli/settings.h"
#include "engine/engine.h"
#include "image/pixels.h"

struct engine *engine_setup_create(const struct settings *settings, bool needs_captions,
                                   bool needs_embeddings, struct error *err);

// Reads and decodes a picture file with the settings' limits. Caller clears *pixels.
bool picture_file_read(const struct settings *settings, const char *path, struct pixels *pixels,
                       struct error *err);
