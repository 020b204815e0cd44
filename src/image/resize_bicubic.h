// Pillow's antialiased bicubic resize for 8-bit pictures, byte for byte. Only the wanted part of
// the result is computed, so that cutting the centre out of a 65,535x1 strip stays cheap.
#pragma once

#include "base/error.h"
#include "image/pixels.h"

// A part of the resized picture.
struct resize_window {
    uint32_t left;
    uint32_t top;
    uint32_t width;
    uint32_t height;
};

// Scales `source` to width x height and puts the window of that into *out, which the caller
// clears. The window lies inside. Errors: ERROR_INTERNAL (out of memory).
bool resize_bicubic(const struct pixels *source, uint32_t width, uint32_t height,
                    struct resize_window window, struct pixels *out, struct error *err);
