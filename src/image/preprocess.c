#include "image/preprocess.h"

#include <stddef.h>

#include "image/resize_bicubic.h"

// torchvision's CenterCrop: round(extra / 2.0) in Python, where a half goes to the even side.
static uint32_t crop_start(uint32_t extra) {
    uint32_t half = extra / 2;
    return half + (extra % 2 & half % 2);
}

bool picture_square_target(const struct picture_square *square, uint32_t width, uint32_t height,
                           struct resize_target *target, struct error *err) {
    uint32_t side = square->side;
    *target = (struct resize_target){side, side, {.width = side, .height = side}};
    if (square->fit == PICTURE_SQUASHED) return true;
    uint64_t shortest = width < height ? width : height;
    uint64_t scaled_width = (uint64_t)side * width / shortest;
    uint64_t scaled_height = (uint64_t)side * height / shortest;
    if (scaled_width > INT32_MAX || scaled_height > INT32_MAX) {
        return error_set(err, ERROR_INVALID,
                         "the picture is too narrow for its length (%lux%lu); send a cut-out of it",
                         (unsigned long)width, (unsigned long)height);
    }
    target->width = (uint32_t)scaled_width;
    target->height = (uint32_t)scaled_height;
    target->window.left = crop_start(target->width - side);
    target->window.top = crop_start(target->height - side);
    return true;
}

void pixels_normalize(const struct pixels *pixels, const struct image_normalization *normalization,
                      float *planes) {
    float values[3][256];
    for (int channel = 0; channel < 3; channel++) {
        for (int byte = 0; byte < 256; byte++) {
            values[channel][byte] = ((float)byte / 255.0F - normalization->mean[channel]) /
                                    normalization->deviation[channel];
        }
    }
    size_t plane_size = (size_t)pixels->width * pixels->height;
    const uint8_t *rgb = pixels->rgb;
    for (size_t i = 0; i < plane_size; i++, rgb += 3) {
        planes[i] = values[0][rgb[0]];
        planes[plane_size + i] = values[1][rgb[1]];
        planes[2 * plane_size + i] = values[2][rgb[2]];
    }
}

static bool preprocess(const struct pixels *pixels, struct picture_square square,
                       const struct image_normalization *normalization, float *planes,
                       struct error *err) {
    struct resize_target target;
    struct pixels out;
    if (!picture_square_target(&square, pixels->width, pixels->height, &target, err) ||
        !resize_bicubic(pixels, &target, &out, err))
        return false;
    pixels_normalize(&out, normalization, planes);
    pixels_clear(&out);
    return true;
}

bool preprocess_squash(const struct pixels *pixels, uint32_t size,
                       const struct image_normalization *normalization, float *planes,
                       struct error *err) {
    return preprocess(pixels, (struct picture_square){size, PICTURE_SQUASHED}, normalization,
                      planes, err);
}

bool preprocess_crop(const struct pixels *pixels, uint32_t size,
                     const struct image_normalization *normalization, float *planes,
                     struct error *err) {
    return preprocess(pixels, (struct picture_square){size, PICTURE_CROPPED}, normalization, planes,
                      err);
}
