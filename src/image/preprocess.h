// From upright pixels to the tensors the models read, equal to the reference pipelines: Pillow's
// antialiased 8-bit bicubic, then (value/255 - mean) / deviation, planes in the order R, G, B.
#pragma once

#include "base/error.h"
#include "image/pixels.h"

struct image_normalization {
    float mean[3];
    float deviation[3];
};

// The means and deviations of CLIP's training pictures (OpenAI); BLIP uses the same.
extern const struct image_normalization image_normalization_clip;

// Squashes to size x size (BLIP). `planes` is [3, size, size], the caller's.
bool preprocess_squash(const struct pixels *pixels, uint32_t size,
                       const struct image_normalization *normalization, float *planes,
                       struct error *err);

// Scales the shortest side to `size` (long side truncated as torchvision does) and crops the
// centre with torchvision's rounding (CLIP). `planes` is [3, size, size], the caller's.
bool preprocess_crop(const struct pixels *pixels, uint32_t size,
                     const struct image_normalization *normalization, float *planes,
                     struct error *err);

// The uint8 picture either pipeline normalises; for tests and for looking at it.
bool preprocess_squash_pixels(const struct pixels *pixels, uint32_t size, struct pixels *out,
                              struct error *err);
bool preprocess_crop_pixels(const struct pixels *pixels, uint32_t size, struct pixels *out,
                            struct error *err);
