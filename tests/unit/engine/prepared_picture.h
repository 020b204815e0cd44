// Pictures of noise, from a file's bytes to what an engine takes; each seed gives another one.
#pragma once

#include "engine/engine.h"

// The file; caller frees with memory_free.
uint8_t *picture_file_of(unsigned seed, size_t *size);
// Prepared for both models; caller clears it.
struct prepared_image prepared_picture_of(struct engine *engine, unsigned seed);
