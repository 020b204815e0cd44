// Pillow's antialiased bicubic resize of a picture in memory.
#pragma once

#include "base/error.h"
#include "image/pixels.h"

// The caller clears *out. Errors: ERROR_INTERNAL (out of memory).
bool resize_bicubic(const struct pixels *source, uint32_t width, uint32_t height,
                    struct pixels *out, struct error *err);
