// What the models read of a picture: a square of 8-bit pixels, then floats of it, equal to the
// reference pipelines.
#pragma once

#include "base/error.h"
#include "image/pixels.h"
#include "image/row_resizer.h"

enum picture_fit {
    PICTURE_SQUASHED,  // the whole picture, its shape not kept (BLIP)
    PICTURE_CROPPED,   // the shortest side scaled to the square's, the centre cut out (CLIP)
};

struct picture_square {
    uint32_t side;
    enum picture_fit fit;
};

// How an upright picture of width x height is scaled for it, with torchvision's rounding. Errors:
// ERROR_INVALID when it is so narrow that its length would not be a number any more.
bool picture_square_target(const struct picture_square *square, uint32_t width, uint32_t height,
                           struct resize_target *target, struct error *err);

struct image_normalization {
    float mean[3];
    float deviation[3];
};

// (value / 255 - mean) / deviation, in planes of red, green and blue: [3, height, width].
void pixels_normalize(const struct pixels *pixels, const struct image_normalization *normalization,
                      float *planes);

// Both steps on a picture in memory, for either fit; decode_squares.h is for files. `planes` is
// [3, size, size], the caller's. Errors: those of picture_square_target, ERROR_INTERNAL (out of
// memory).
bool preprocess_squash(const struct pixels *pixels, uint32_t size,
                       const struct image_normalization *normalization, float *planes,
                       struct error *err);
bool preprocess_crop(const struct pixels *pixels, uint32_t size,
                     const struct image_normalization *normalization, float *planes,
                     struct error *err);
