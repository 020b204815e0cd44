// Resizing, normalising and thumbnails beyond what the golden pictures cover: edges, extremes, and
// that nothing of the original but its pixels reaches a thumbnail.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/memory.h"
#include "image/decode.h"
#include "image/preprocess.h"
#include "image/resize_bicubic.h"
#include "image/thumbnail.h"
#include "picture_files.h"

static struct pixels pixels_filled(uint32_t width, uint32_t height, uint8_t red, uint8_t green,
                                   uint8_t blue) {
    struct pixels pixels;
    assert_true(pixels_init(&pixels, width, height, NULL));
    for (size_t i = 0; i < (size_t)width * height; i++) {
        pixels.rgb[i * 3] = red;
        pixels.rgb[i * 3 + 1] = green;
        pixels.rgb[i * 3 + 2] = blue;
    }
    return pixels;
}

// As a model reads it.
static struct pixels square_of(const struct pixels *pixels, uint32_t side, enum picture_fit fit) {
    struct resize_target target;
    struct pixels out;
    struct picture_square square = {side, fit};
    assert_true(picture_square_target(&square, pixels->width, pixels->height, &target, NULL));
    assert_true(resize_bicubic(pixels, &target, &out, NULL));
    return out;
}

static void a_plain_picture_stays_plain(void **state) {
    (void)state;
    static const uint32_t sides[] = {1, 2, 3, 15, 16, 17, 31, 33, 383, 384, 385, 1000};
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        for (size_t j = 0; j < sizeof(sides) / sizeof(sides[0]); j++) {
            struct pixels pixels = pixels_filled(sides[i], sides[j], 255, 0, 77);
            struct pixels out = square_of(&pixels, 24, PICTURE_CROPPED);
            for (size_t k = 0; k < 24 * 24; k++) {
                assert_int_equal(out.rgb[k * 3], 255);
                assert_int_equal(out.rgb[k * 3 + 1], 0);
                assert_int_equal(out.rgb[k * 3 + 2], 77);
            }
            pixels_clear(&out);
            pixels_clear(&pixels);
        }
    }
}

static void the_same_size_copies(void **state) {
    (void)state;
    struct pixels pixels = pixels_filled(37, 19, 0, 0, 0);
    for (size_t i = 0; i < 37 * 19 * 3; i++) pixels.rgb[i] = (uint8_t)(i * 151 + 13);
    struct pixels out;
    struct resize_target same = {37, 19, {.width = 37, .height = 19}};
    assert_true(resize_bicubic(&pixels, &same, &out, NULL));
    assert_memory_equal(out.rgb, pixels.rgb, 37 * 19 * 3);
    pixels_clear(&out);
    pixels_clear(&pixels);
}

// 224 times as long as high, scaled: the whole would be 14.7 million pixels wide.
static void a_line_is_cropped_cheaply(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{65535, 1}, {1, 65535}};
    for (size_t i = 0; i < 2; i++) {
        struct pixels pixels = pixels_filled(sizes[i][0], sizes[i][1], 1, 2, 3);
        struct pixels out = square_of(&pixels, 224, PICTURE_CROPPED);
        assert_int_equal(out.rgb[0], 1);
        assert_int_equal(out.rgb[224 * 224 * 3 - 1], 3);
        pixels_clear(&out);
        pixels_clear(&pixels);
    }
}

static void values_are_normalised_in_planes(void **state) {
    (void)state;
    // CLIP's.
    static const struct image_normalization normalization = {
        .mean = {0.48145466F, 0.4578275F, 0.40821073F},
        .deviation = {0.26862954F, 0.26130258F, 0.27577711F},
    };
    struct pixels pixels = pixels_filled(8, 2, 0, 128, 255);
    float planes[3 * 16];
    pixels_normalize(&pixels, &normalization, planes);
    static const float shades[3] = {0.0F, 128.0F / 255.0F, 1.0F};
    for (size_t i = 0; i < 3 * 16; i++) {
        size_t channel = i / 16;
        float expected =
            (shades[channel] - normalization.mean[channel]) / normalization.deviation[channel];
        assert_true(planes[i] == expected);
    }
    // What torchvision's ToTensor and Normalize give for 0, 128 and 255.
    assert_true(fabsf(planes[0] - -1.7922626F) < 1e-6F);
    assert_true(fabsf(planes[16] - 0.16889732F) < 1e-6F);
    assert_true(fabsf(planes[32] - 2.145897F) < 1e-6F);
    pixels_clear(&pixels);
}

static void a_picture_too_narrow_to_count_is_refused(void **state) {
    (void)state;
    struct resize_target target;
    struct error err = {0};
    struct picture_square square = {UINT16_MAX, PICTURE_CROPPED};
    assert_true(picture_square_target(&square, 32768, 1, &target, &err));
    assert_int_equal(target.width, 2147450880);
    assert_int_equal(target.window.left, 1073692672);
    assert_false(picture_square_target(&square, 65535, 1, &target, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "65535x1"));
}

static void check_thumbnail(uint32_t width, uint32_t height, uint32_t max_side,
                            uint32_t expected_width, uint32_t expected_height) {
    struct pixels pixels = pixels_filled(width, height, 200, 100, 50);
    struct error err = {0};
    size_t size = 0;
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, max_side, &size, &err);
    if (jpeg == NULL) fail_msg("%ux%u: %s", width, height, err.text);
    struct pixels small;
    struct image_info info;
    assert_true(image_decode(jpeg, size, &image_limits_default, &small, &info, &err));
    assert_int_equal(info.format, IMAGE_JPEG);
    assert_int_equal(info.width, expected_width);
    assert_int_equal(info.height, expected_height);
    assert_in_range(small.rgb[0], 196, 204);
    assert_in_range(small.rgb[1], 96, 104);
    assert_in_range(small.rgb[2], 46, 54);
    pixels_clear(&small);
    memory_free(jpeg);
    pixels_clear(&pixels);
}

static void thumbnails_keep_their_shape(void **state) {
    (void)state;
    check_thumbnail(1000, 500, 256, 256, 128);
    check_thumbnail(500, 1000, 256, 128, 256);
    check_thumbnail(1001, 999, 256, 256, 255);
    check_thumbnail(5000, 1, 256, 256, 1);
    check_thumbnail(256, 256, 256, 256, 256);
    check_thumbnail(30, 20, 256, 30, 20);  // never enlarged
    check_thumbnail(1, 1, 1, 1, 1);
}

static bool bytes_contain(const uint8_t *bytes, size_t size, const char *text) {
    size_t text_size = strlen(text);
    for (size_t i = 0; i + text_size <= size; i++) {
        if (memcmp(bytes + i, text, text_size) == 0) return true;
    }
    return false;
}

static void thumbnails_hold_no_notes(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes = picture_file_read("golden/image", "orientation_6_tiles.jpg", &size);
    assert_true(bytes_contain(bytes, size, "Exif"));
    struct pixels pixels;
    struct image_info info;
    assert_true(image_decode(bytes, size, &image_limits_default, &pixels, &info, NULL));
    size_t jpeg_size;
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, 64, &jpeg_size, NULL);
    assert_non_null(jpeg);
    assert_false(bytes_contain(jpeg, jpeg_size, "Exif"));
    memory_free(jpeg);
    pixels_clear(&pixels);
    memory_free(bytes);
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    struct pixels pixels;
    struct error err = {0};
    assert_false(pixels_init(&pixels, 0, 5, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(pixels.rgb);
    error_clear(&err);
    assert_false(pixels_init(&pixels, UINT32_MAX, UINT32_MAX, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_picture_stays_plain),
        cmocka_unit_test(the_same_size_copies),
        cmocka_unit_test(a_line_is_cropped_cheaply),
        cmocka_unit_test(values_are_normalised_in_planes),
        cmocka_unit_test(a_picture_too_narrow_to_count_is_refused),
        cmocka_unit_test(thumbnails_keep_their_shape),
        cmocka_unit_test(thumbnails_hold_no_notes),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
