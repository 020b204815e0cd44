// The eight ways EXIF says a picture is to be turned before it is looked at, and how to find which.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "image/pixels.h"

// Turns and mirrors `pixels` as EXIF orientation 1..8 asks; anything else leaves it alone.
// Errors: ERROR_INTERNAL (out of memory), and then the pixels are as they were.
bool orientation_apply(struct pixels *pixels, int orientation, struct error *err);

// The orientation in a block of EXIF, which may begin with "Exif\0\0" or with the TIFF header. 1
// when there is none, and when the block is broken: a picture is not refused for its notes.
// Errors: ERROR_INTERNAL (out of memory).
bool exif_orientation_read(const uint8_t *bytes, size_t size, int *orientation, struct error *err);
