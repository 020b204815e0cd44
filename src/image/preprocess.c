#include "image/preprocess.h"

#include <stddef.h>

#include "image/resize_bicubic.h"
#include "image/row_resizer.h"

const struct image_normalization image_normalization_clip = {
    .mean = {0.48145466F, 0.4578275F, 0.40821073F},
    .deviation = {0.26862954F, 0.26130258F, 0.27577711F},
};

bool preprocess_squash_pixels(const struct pixels *pixels, uint32_t size, struct pixels *out,
                              struct error *err) {
    return resize_bicubic(pixels, size, size, out, err);
}

// torchvision's CenterCrop: round(extra / 2.0) in Python, where a half goes to the even side.
static uint32_t crop_start(uint32_t extra) {
    uint32_t half = extra / 2;
    return half + (extra % 2 & half % 2);
}

bool preprocess_crop_pixels(const struct pixels *pixels, uint32_t size, struct pixels *out,
                            struct error *err) {
    *out = (struct pixels){0};
    uint64_t width = pixels->width;
    uint64_t height = pixels->height;
    uint64_t shortest = width < height ? width : height;
    uint64_t scaled_width = size * width / shortest;
    uint64_t scaled_height = size * height / shortest;
    if (scaled_width > INT32_MAX || scaled_height > INT32_MAX) {
        return error_set(err, ERROR_INVALID,
                         "the picture is too narrow for its length (%ux%u); send a cut-out of it",
                         (unsigned)pixels->width, (unsigned)pixels->height);
    }
    struct resize_target target = {
        .width = (uint32_t)scaled_width,
        .height = (uint32_t)scaled_height,
        .window = {.left = crop_start((uint32_t)scaled_width - size),
                   .top = crop_start((uint32_t)scaled_height - size),
                   .width = size,
                   .height = size},
    };
    struct row_resizer *resizer =
        row_resizer_create(&(struct resize_source){.width = pixels->width,
                                                   .height = pixels->height,
                                                   .extent_x = pixels->width,
                                                   .extent_y = pixels->height,
                                                   .orientation = 1},
                           &target, 1, err);
    if (resizer == NULL) return false;
    row_resizer_take(resizer, &(struct row_window){.rows = pixels->rgb,
                                                   .stride = (size_t)pixels->width * 3,
                                                   .end = pixels->height});
    bool is_ok = row_resizer_finish(resizer, out, err);
    row_resizer_destroy(resizer);
    return is_ok;
}

static void pixels_normalize(const struct pixels *pixels,
                             const struct image_normalization *normalization, float *planes) {
    size_t plane_size = (size_t)pixels->width * pixels->height;
    for (size_t channel = 0; channel < 3; channel++) {
        float values[256];
        for (int byte = 0; byte < 256; byte++) {
            values[byte] = ((float)byte / 255.0F - normalization->mean[channel]) /
                           normalization->deviation[channel];
        }
        const uint8_t *from = pixels->rgb + channel;
        float *plane = planes + channel * plane_size;
        for (size_t i = 0; i < plane_size; i++) plane[i] = values[from[i * 3]];
    }
}

bool preprocess_squash(const struct pixels *pixels, uint32_t size,
                       const struct image_normalization *normalization, float *planes,
                       struct error *err) {
    struct pixels square;
    if (!preprocess_squash_pixels(pixels, size, &square, err)) return false;
    pixels_normalize(&square, normalization, planes);
    pixels_clear(&square);
    return true;
}

bool preprocess_crop(const struct pixels *pixels, uint32_t size,
                     const struct image_normalization *normalization, float *planes,
                     struct error *err) {
    struct pixels square;
    if (!preprocess_crop_pixels(pixels, size, &square, err)) return false;
    pixels_normalize(&square, normalization, planes);
    pixels_clear(&square);
    return true;
}
