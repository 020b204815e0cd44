// From settings to running models: finds the model folders, starts the engine, and says loudly
// when demo models or mocks are going to answer.
#pragma once

#include "cli/settings.h"
#include "engine/engine.h"
#include "hub/hub.h"

struct engine *engine_setup_create(const struct settings *settings, bool needs_captions,
                                   bool needs_embeddings, struct error *err);

// The embedding half of the model that made this space of vectors; NULL, with a line in the log,
// when it is not on this machine. Of the type of service_options.open_former; the context is a
// struct settings.
struct engine *engine_setup_open_former(const void *settings, const char *embedding_model);

// Where the demo model for captions or embeddings is; see hub_locate_demo.
bool demo_model_locate(const struct settings *settings, enum hub_purpose purpose,
                       char folder[static HUB_PATH_SIZE], struct error *err);

// Of the pictures that commands are given.
struct image_limits picture_limits(const struct settings *settings);

// Reads a picture file and prepares it with the settings' limits. Caller clears *image, also after
// a failure.
bool picture_file_prepare(struct engine *engine, const struct settings *settings, const char *path,
                          enum image_use use, struct prepared_image *image, struct error *err);
