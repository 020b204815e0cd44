// Small JPEG for showing: longest side at most `max_side`, never enlarged, no metadata.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "image/pixels.h"

// What becomes of a picture of *width x *height.
void thumbnail_size(uint32_t max_side, uint32_t *width, uint32_t *height);
// The same picture as pixels; the caller clears *small. Errors: ERROR_INTERNAL (out of memory).
bool thumbnail_pixels_create(const struct pixels *pixels, uint32_t max_side, struct pixels *small,
                             struct error *err);
// Caller frees the JPEG with memory_free.
uint8_t *thumbnail_jpeg_create(const struct pixels *pixels, uint32_t max_side, size_t *size,
                               struct error *err);
