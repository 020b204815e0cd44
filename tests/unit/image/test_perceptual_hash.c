// The same picture has nearly the same hash whatever its size and compression, and whichever way it
// was decoded; other pictures have another one; what shows nothing has none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>
#include <dirent.h>

#include "base/memory.h"
#include "image/decode_squares.h"
#include "image/perceptual_hash.h"
#include "image/resize_bicubic.h"
#include "image/thumbnail.h"
#include "picture_files.h"

enum {
    SIDE = 384,              // of BLIP's square
    DIFFERENT_DISTANCE = 9,  // what other pictures differ by at least
};

static unsigned distance(uint64_t a, uint64_t b) { return (unsigned)__builtin_popcountll(a ^ b); }

static uint64_t hash_of(const struct pixels *pixels) {
    uint64_t hash;
    assert_true(pixels_perceptual_hash(pixels, &hash));
    return hash;
}

// Patches of light and colour that follow from the seed, at any size.
static struct pixels scene_create(uint32_t seed, uint32_t width, uint32_t height) {
    struct pixels pixels;
    uint8_t patches[8][8][3];
    for (size_t i = 0; i < sizeof patches; i++) {
        seed = seed * 1664525 + 1013904223;  // Numerical Recipes' generator
        (&patches[0][0][0])[i] = (uint8_t)(seed >> 24);
    }
    assert_true(pixels_init(&pixels, width, height, NULL));
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            memcpy(pixels.rgb + ((size_t)y * width + x) * 3,
                   patches[(uint64_t)y * 8 / height][(uint64_t)x * 8 / width], 3);
    return pixels;
}

static struct pixels scaled_create(const struct pixels *pixels, uint32_t width, uint32_t height) {
    struct resize_target target = {width, height, {.width = width, .height = height}};
    struct pixels out;
    assert_true(resize_bicubic(pixels, &target, &out, NULL));
    return out;
}

static uint64_t hash_file(const uint8_t *bytes, size_t size, uint32_t side, bool is_exact) {
    struct square_request request = {
        .squares = {{side, PICTURE_SQUASHED}}, .count = 1, .is_exact = is_exact};
    struct pixels square;
    struct image_info info;
    struct error err = {0};
    if (!image_decode_squares(bytes, size, &image_limits_default, &request, &square, &info, &err))
        fail_msg("%s", err.text);
    uint64_t hash = hash_of(&square);
    pixels_clear(&square);
    return hash;
}

static void the_bits_are_the_same_everywhere(void **state) {
    (void)state;
    struct pixels scene = scene_create(1, SIDE, SIDE);
    assert_true(hash_of(&scene) == 0xc5642f598f60b459);
    pixels_clear(&scene);
}

static void size_and_shape_do_not_matter(void **state) {
    (void)state;
    static const uint32_t sides[][2] = {{96, 96}, {64, 64}, {100, 75}, {33, 500}, {1000, 700}};
    struct pixels scene = scene_create(2, SIDE, SIDE);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct pixels other = scaled_create(&scene, sides[i][0], sides[i][1]);
        assert_in_range(distance(hash_of(&scene), hash_of(&other)), 0, 2);
        pixels_clear(&other);
    }
    pixels_clear(&scene);
}

static void compression_and_scaled_decoding_do_not_matter(void **state) {
    (void)state;
    for (uint32_t seed = 0; seed < 10; seed++) {
        size_t size;
        struct pixels scene = scene_create(seed, 3000, 2000);
        struct pixels square = scaled_create(&scene, SIDE, SIDE);
        uint8_t *jpeg = thumbnail_jpeg_create(&scene, 3000, &size, NULL);
        assert_non_null(jpeg);
        uint64_t exact = hash_file(jpeg, size, SIDE, true);
        assert_in_range(distance(exact, hash_of(&square)), 0, 2);
        assert_in_range(distance(exact, hash_file(jpeg, size, SIDE, false)), 0, 2);
        assert_in_range(distance(exact, hash_file(jpeg, size, 96, false)), 0, 2);
        memory_free(jpeg);
        pixels_clear(&square);
        pixels_clear(&scene);
    }
}

static void other_scenes_are_far(void **state) {
    (void)state;
    enum { SCENES = 60 };
    uint64_t hashes[SCENES];
    for (uint32_t i = 0; i < SCENES; i++) {
        struct pixels scene = scene_create(i, 96, 96);
        hashes[i] = hash_of(&scene);
        pixels_clear(&scene);
        for (uint32_t j = 0; j < i; j++)
            assert_in_range(distance(hashes[i], hashes[j]), DIFFERENT_DISTANCE, 64);
    }
}

static void the_example_pictures_are_far_from_each_other(void **state) {
    (void)state;
    enum { PICTURES_MAX = 64 };
    char path[PICTURE_PATH_SIZE];
    uint64_t hashes[PICTURES_MAX];
    size_t count = 0;
    picture_file_path(path, "../examples/pictures", NULL);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL && count < PICTURES_MAX;) {
        if (entry->d_name[0] == '.') continue;
        size_t size;
        uint8_t *bytes = picture_file_read("../examples/pictures", entry->d_name, &size);
        hashes[count] = hash_file(bytes, size, SIDE, false);
        memory_free(bytes);
        for (size_t i = 0; i < count; i++)
            assert_in_range(distance(hashes[i], hashes[count]), DIFFERENT_DISTANCE, 64);
        count++;
    }
    (void)closedir(folder);
    assert_in_range(count, 20, PICTURES_MAX);
}

static void plain_pictures_and_plain_gradients_have_no_hash(void **state) {
    (void)state;
    uint64_t hash;
    struct pixels pixels;
    assert_true(pixels_init(&pixels, 96, 96, NULL));
    for (int value = 0; value < 256; value += 51) {
        memset(pixels.rgb, value, (size_t)96 * 96 * 3);
        assert_false(pixels_perceptual_hash(&pixels, &hash));
    }
    for (size_t i = 0; i < (size_t)96 * 96 * 3; i++) pixels.rgb[i] = (uint8_t)(i / 96 / 3 * 2);
    assert_false(pixels_perceptual_hash(&pixels, &hash));
    for (size_t i = 0; i < (size_t)96 * 96 * 3; i++) pixels.rgb[i] = (uint8_t)(i / 3 % 2 * 255);
    assert_false(pixels_perceptual_hash(&pixels, &hash));
    pixels_clear(&pixels);
}

// A disc in a corner, of the same brightness against the ground.
static uint64_t hash_of_disc(const uint8_t disc[3], const uint8_t ground[3]) {
    struct pixels pixels;
    assert_true(pixels_init(&pixels, 96, 96, NULL));
    for (int y = 0; y < 96; y++)
        for (int x = 0; x < 96; x++) {
            bool is_inside = (x - 35) * (x - 35) + (y - 40) * (y - 40) < 900;
            memcpy(pixels.rgb + ((size_t)y * 96 + (size_t)x) * 3, is_inside ? disc : ground, 3);
        }
    uint64_t hash = hash_of(&pixels);
    pixels_clear(&pixels);
    return hash;
}

static void colours_matter(void **state) {
    (void)state;
    static const uint8_t red[3] = {220, 20, 20}, blue[3] = {50, 60, 240}, green[3] = {20, 110, 20},
                         white[3] = {255, 255, 255};
    uint64_t hashes[] = {hash_of_disc(red, white), hash_of_disc(blue, white),
                         hash_of_disc(green, white)};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < i; j++)
            assert_in_range(distance(hashes[i], hashes[j]), PERCEPTUAL_SAME_DISTANCE + 1, 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_are_the_same_everywhere),
        cmocka_unit_test(size_and_shape_do_not_matter),
        cmocka_unit_test(compression_and_scaled_decoding_do_not_matter),
        cmocka_unit_test(other_scenes_are_far),
        cmocka_unit_test(the_example_pictures_are_far_from_each_other),
        cmocka_unit_test(plain_pictures_and_plain_gradients_have_no_hash),
        cmocka_unit_test(colours_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
