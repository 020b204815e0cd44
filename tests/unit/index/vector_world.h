// Vectors like CLIP's, drawn from their keys: pictures lie in clusters around a mean with one
// outlier dimension, texts in a cone of their own, far off. Whoever knows a key can draw its vector
// again, so nobody has to keep them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/vector_index.h"

enum { WORLD_WIDTH = 128, WORLD_OUTLIER = 17 };

// Unit length. The same key has another vector in another version.
void world_picture(int64_t key, unsigned version, float vector[static WORLD_WIDTH]);
void world_query_near(int64_t key, float vector[static WORLD_WIDTH]);
void world_query_text(unsigned number, float vector[static WORLD_WIDTH]);

// A vector_reader: version 0 of every key is there.
bool world_read(void *context, const int64_t *keys, size_t count, float *vectors, bool *is_there,
                struct error *err);
