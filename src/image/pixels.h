// A picture in memory: 8-bit RGB, rows from the top, tightly packed, already turned upright.
#pragma once

#include <stdint.h>

#include "base/error.h"

struct pixels {
    uint8_t *rgb;  // [height, width, 3]; owned, memory_free
    uint32_t width;
    uint32_t height;
};

// Checks sizes; not zeroed. Errors: ERROR_TOO_LARGE, ERROR_INTERNAL (out of memory).
bool pixels_init(struct pixels *pixels, uint32_t width, uint32_t height, struct error *err);
void pixels_clear(struct pixels *pixels);
