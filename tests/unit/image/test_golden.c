// Every picture of tests/golden/image gives the pixels Pillow gives, and the same bytes after each
// of the two resizes. tools/reference/make_image_goldens.py made them and tells the formats.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "image/decode_squares.h"
#include "kernels/resample.h"
#include "picture_files.h"

static const char folder[] = "golden/image";
enum { HEX_SIZE = SHA256_HEX_SIZE, NAME_SIZE = 64 };

struct expectation {
    char name[NAME_SIZE];
    unsigned width;
    unsigned height;
    int orientation;
    char pixels[HEX_SIZE];
    char squash_384[HEX_SIZE];
    char squash_32[HEX_SIZE];
    char crop_224[HEX_SIZE];
    char crop_32[HEX_SIZE];
};

static int failures;

static void check_hash(const struct expectation *expected, const char *what,
                       const struct pixels *pixels, const char *expected_hex) {
    char hex[HEX_SIZE];
    size_t size = (size_t)pixels->width * pixels->height * 3;
    uint8_t digest[SHA256_SIZE];
    sha256(pixels->rgb, size, digest);
    sha256_hex(digest, hex);
    if (strcmp(hex, expected_hex) == 0) return;
    print_error("%s: %s differs from Pillow's: %s, not %s\n", expected->name, what, hex,
                expected_hex);
    failures++;
}

static void check_info(const struct expectation *expected, const struct image_info *info) {
    if (info->width != expected->width || info->height != expected->height ||
        info->orientation != expected->orientation) {
        fail_msg("%s: %ux%u orientation %d, not %ux%u orientation %d", expected->name, info->width,
                 info->height, info->orientation, expected->width, expected->height,
                 expected->orientation);
    }
    assert_string_equal(strrchr(expected->name, '.') + 1, image_format_extension(info->format));
}

// Both of one size at once, as the models get them.
static void check_squares(const struct expectation *expected, const uint8_t *bytes, size_t size,
                          uint32_t squash_side, const char *squash_hex, uint32_t crop_side,
                          const char *crop_hex) {
    struct square_request request = {
        .squares = {{squash_side, PICTURE_SQUASHED}, {crop_side, PICTURE_CROPPED}},
        .count = 2,
        .is_exact = true,
    };
    struct pixels squares[2];
    struct image_info info;
    struct error err = {0};
    if (!image_decode_squares(bytes, size, &image_limits_default, &request, squares, &info, &err))
        fail_msg("%s: %s", expected->name, err.text);
    check_info(expected, &info);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(squares[i].width, request.squares[i].side);
        assert_int_equal(squares[i].height, request.squares[i].side);
    }
    check_hash(expected, "the squashed one", &squares[0], squash_hex);
    check_hash(expected, "the cropped one", &squares[1], crop_hex);
    pixels_clear(&squares[0]);
    pixels_clear(&squares[1]);
}

static void check_picture(const struct expectation *expected) {
    size_t size;
    uint8_t *bytes = picture_file_read(folder, expected->name, &size);
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    if (!image_decode(bytes, size, &image_limits_default, &pixels, &info, &err)) {
        fail_msg("%s: %s", expected->name, err.text);
    }
    check_info(expected, &info);
    check_hash(expected, "the picture", &pixels, expected->pixels);
    pixels_clear(&pixels);
    check_squares(expected, bytes, size, 384, expected->squash_384, 224, expected->crop_224);
    check_squares(expected, bytes, size, 32, expected->squash_32, 32, expected->crop_32);
    memory_free(bytes);
}

static void check_table(void) {
    size_t size;
    char *table = (char *)picture_file_read(folder, "expected.txt", &size);
    int pictures = 0;
    failures = 0;
    const char *line = table;
    struct expectation expected;
    int line_size = 0;
    while (sscanf(line, "%63s %u %u %d %64s %64s %64s %64s %64s%n", expected.name, &expected.width,
                  &expected.height, &expected.orientation, expected.pixels, expected.squash_384,
                  expected.squash_32, expected.crop_224, expected.crop_32, &line_size) == 9) {
        check_picture(&expected);
        pictures++;
        line += line_size;
    }
    assert_string_equal(line, "\n");
    memory_free(table);
    assert_int_equal(failures, 0);
    assert_in_range(pictures, 100, 1000);  // an empty table would prove nothing
}

static void golden_pictures_equal_pillow_on_every_tier(void **state) {
    (void)state;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        if (resample_kernels_of_tier((enum kernel_tier)tier) == NULL ||
            !cpu_supports((enum kernel_tier)tier))
            continue;
        resample_use_tier((enum kernel_tier)tier);
        check_table();
    }
}

// HEIC and AVIF: the reference carries another version of the codec, so a little may differ.
static void check_close_picture(const char *name, unsigned width, unsigned height, int limit) {
    size_t size;
    size_t expected_size;
    uint8_t *bytes = picture_file_read(folder, name, &size);
    char rgb_name[NAME_SIZE + 4];
    (void)snprintf(rgb_name, sizeof(rgb_name), "%s.rgb", name);
    uint8_t *expected = picture_file_read(folder, rgb_name, &expected_size);
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    bool is_ok = image_decode(bytes, size, &image_limits_default, &pixels, &info, &err);
    if (!image_format_is_readable(image_sniff(bytes, size))) {
        assert_false(is_ok);
        assert_int_equal(err.kind, ERROR_UNSUPPORTED);
        assert_non_null(strstr(err.text, "libheif"));
    } else {
        if (!is_ok) fail_msg("%s: %s", name, err.text);
        assert_int_equal(info.width, width);
        assert_int_equal(info.height, height);
        assert_int_equal(expected_size, (size_t)width * height * 3);
        int largest = 0;
        for (size_t i = 0; i < expected_size; i++) {
            int difference = abs((int)pixels.rgb[i] - (int)expected[i]);
            if (difference > largest) largest = difference;
        }
        if (largest > limit) fail_msg("%s: differs by %d, not %d", name, largest, limit);
    }
    pixels_clear(&pixels);
    memory_free(expected);
    memory_free(bytes);
}

static void heif_pictures_are_close_to_the_reference(void **state) {
    (void)state;
    size_t size;
    char *table = (char *)picture_file_read(folder, "close.txt", &size);
    int pictures = 0;
    const char *line = table;
    char name[NAME_SIZE];
    unsigned width;
    unsigned height;
    int limit;
    int line_size = 0;
    while (sscanf(line, "%63s %u %u %d%n", name, &width, &height, &limit, &line_size) == 4) {
        check_close_picture(name, width, height, limit);
        pictures++;
        line += line_size;
    }
    memory_free(table);
    assert_int_equal(pictures, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_pictures_equal_pillow_on_every_tier),
        cmocka_unit_test(heif_pictures_are_close_to_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
