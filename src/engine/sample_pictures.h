// Pictures that the program draws itself, to try models on: scenes with the gradients, textures,
// edges and contrasts of photographs. Always the same ones.
#pragma once

#include <stddef.h>

#include "image/pixels.h"

enum { SAMPLE_PICTURES = 8 };

// number < SAMPLE_PICTURES. The caller clears *pixels. Errors: ERROR_INTERNAL (out of memory).
bool sample_picture_draw(size_t number, struct pixels *pixels, struct error *err);
