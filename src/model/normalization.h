// How a model wants its picture's values shifted and scaled: (value/255 - mean) / deviation.
#pragma once

#include "base/error.h"

struct normalization {
    float mean[3];  // red, green, blue
    float deviation[3];
};

// The values of CLIP's training pictures, published by OpenAI; BLIP uses the same.
extern const struct normalization normalization_clip;

// Takes image_mean and image_std from the folder's preprocessor_config.json, where there is one.
bool normalization_read(struct normalization *normalization, const char *folder, struct error *err);
