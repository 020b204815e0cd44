#include "prepared_picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "image/thumbnail.h"

enum { WIDTH = 70, HEIGHT = 50 };

uint8_t *picture_file_of(unsigned seed, size_t *size) {
    struct pixels pixels;
    assert_true(pixels_init(&pixels, WIDTH, HEIGHT, NULL));
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT * 3; i++) {
        seed = seed * 1664525 + 1013904223;  // Numerical Recipes' generator
        pixels.rgb[i] = (uint8_t)(seed >> 24);
    }
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, WIDTH, size, NULL);
    assert_non_null(jpeg);
    pixels_clear(&pixels);
    return jpeg;
}

struct prepared_image prepared_picture_of(struct engine *engine, unsigned seed) {
    struct prepared_image image;
    struct image_info info;
    struct error err = {0};
    size_t size;
    uint8_t *file = picture_file_of(seed, &size);
    if (!engine_prepare_image(engine, file, size, &image_limits_default, IMAGE_FOR_BOTH, &image,
                              &info, &err))
        fail_msg("%s", err.text);
    assert_int_equal(info.width, WIDTH);
    assert_int_equal(info.height, HEIGHT);
    memory_free(file);
    return image;
}
