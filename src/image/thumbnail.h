// Small JPEG for showing: longest side at most `max_side`, never enlarged, no metadata.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "image/pixels.h"

// Caller frees the JPEG with memory_free.
uint8_t *thumbnail_jpeg_create(const struct pixels *pixels, uint32_t max_side, size_t *size,
                               struct error *err);
