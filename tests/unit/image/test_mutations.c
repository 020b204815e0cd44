// Every prefix of some valid pictures, and thousands of copies with a few bytes changed by a seeded
// generator: each either decodes to the size it says or fails with an error. Runs under the
// sanitizers, which see what goes wrong in between.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/memory.h"
#include "image/decode_squares.h"
#include "picture_files.h"

static const char *const names[] = {
    "plain.jpg",
    "progressive.jpg",
    "cmyk_adobe.jpg",
    "orientation_6.jpg",
    "colour_8.png",
    "palette_4.png",
    "grey_16.png",
    "orientation_3.png",
    "lossy.webp",
    "lossless.webp",
    "animated_offset_lossy.webp",
    "orientation_8.webp",
    "plain.gif",
    "interlaced.gif",
    "offset_transparent.gif",
    "plain.heic",
    "turned.heic",
    "plain.avif",
    "turned.avif",
};
enum {
    NAME_COUNT = sizeof(names) / sizeof(names[0]),
    MUTATIONS = 500,  // of each picture
    CHANGES_MAX = 4,  // bytes changed at most in one of them
};

// Read by the leak detector. libheif 1.15 forgets dav1d's 40-byte handle when an AVIF's coded
// picture is empty; that is not ours to free.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libdav1d.so\n"; }

// Small, so that a mutated header cannot make the test slow.
static const struct image_limits limits = {
    .max_bytes = 1 << 20, .max_pixels = 1 << 20, .max_side = 4096};

// To squares, in both ways of reading: as well as the whole, and of the same size.
static void check_squares(const uint8_t *bytes, size_t size, const struct image_info *whole,
                          bool is_readable, const char *what) {
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        struct square_request request = {
            .squares = {{7, PICTURE_SQUASHED}, {6, PICTURE_CROPPED}},
            .count = 2,
            .is_exact = is_exact != 0,
        };
        struct pixels squares[2];
        struct image_info info;
        struct error err = {0};
        bool is_ok = image_decode_squares(bytes, size, &limits, &request, squares, &info, &err);
        if (is_ok != is_readable) fail_msg("%s: to squares: %s", what, is_ok ? "read" : err.text);
        if (is_ok && (info.width != whole->width || info.height != whole->height))
            fail_msg("%s: to squares: another size", what);
        for (int i = 0; i < 2; i++) pixels_clear(&squares[i]);
    }
}

// Returns whether it decoded.
static bool check_decode(const uint8_t *bytes, size_t size, const char *what) {
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    bool is_ok = image_decode(bytes, size, &limits, &pixels, &info, &err);
    if (is_ok) {
        bool has_size = pixels.rgb != NULL && pixels.width > 0 && pixels.height > 0 &&
                        pixels.width == info.width && pixels.height == info.height;
        if (!has_size || err.kind != ERROR_NONE) fail_msg("%s: decoded, but wrongly", what);
    } else if (err.kind == ERROR_NONE || err.text[0] == '\0' || pixels.rgb != NULL) {
        fail_msg("%s: failed without an error or with pixels", what);
    }
    pixels_clear(&pixels);
    check_squares(bytes, size, &info, is_ok, what);
    return is_ok;
}

// Copied to a block of exactly that size, so that a sanitizer sees a read beyond it.
static bool check_copy(const uint8_t *bytes, size_t size, const char *what) {
    uint8_t *copy = memory_try(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    bool is_ok = check_decode(copy, size, what);
    memory_free(copy);
    return is_ok;
}

static void prefixes_fail_cleanly(void **state) {
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t size;
        uint8_t *bytes = picture_file_read("golden/image", names[i], &size);
        if (!image_format_is_readable(image_sniff(bytes, size))) {
            memory_free(bytes);
            continue;
        }
        size_t readable = 0;
        for (size_t prefix = 0; prefix < size; prefix++) {
            char what[128];
            (void)snprintf(what, sizeof(what), "%s, first %zu bytes", names[i], prefix);
            if (check_copy(bytes, prefix, what)) readable++;
        }
        // What follows the pixels (an end mark, later frames) may be missing; half may not.
        if (readable > size / 2) fail_msg("%s: %zu prefixes decode", names[i], readable);
        assert_true(check_copy(bytes, size, names[i]));
        memory_free(bytes);
    }
}

static uint64_t random_next(uint64_t *random_state) {
    *random_state = *random_state * 6364136223846793005U + 1442695040888963407U;  // Knuth, MMIX
    return *random_state >> 33;
}

static void mutations_fail_cleanly(void **state) {
    (void)state;
    uint64_t random_state = 20240607;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t size;
        uint8_t *bytes = picture_file_read("golden/image", names[i], &size);
        if (!image_format_is_readable(image_sniff(bytes, size))) {
            memory_free(bytes);
            continue;
        }
        for (int mutation = 0; mutation < MUTATIONS; mutation++) {
            uint8_t *copy = memory_try(size);
            assert_non_null(copy);
            memcpy(copy, bytes, size);
            uint64_t changes = 1 + random_next(&random_state) % CHANGES_MAX;
            while (changes-- > 0) {
                // Half of the changes in the first 64 bytes, where the structure is.
                size_t reach = random_next(&random_state) % 2 == 0 && size > 64 ? 64 : size;
                size_t at = random_next(&random_state) % reach;
                copy[at] = (uint8_t)(copy[at] ^ (1U << random_next(&random_state) % 8));
            }
            char what[128];
            (void)snprintf(what, sizeof(what), "%s, mutation %d", names[i], mutation);
            (void)check_decode(copy, size, what);
            memory_free(copy);
        }
        memory_free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_fail_cleanly),
        cmocka_unit_test(mutations_fail_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
