// The contract of decode.h beside the pixels: sniffing, limits on either side of the line, every
// allocation failing in turn, and animations that are read no further than their first frame.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "image/decode_squares.h"
#include "image/thumbnail.h"
#include "picture_files.h"

static void formats_are_told_by_content(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum image_format format;
    } rows[] = {
        {"\xFF\xD8\xFF\xE0", 4, IMAGE_JPEG},
        {"\xFF\xD8", 2, IMAGE_UNKNOWN},
        {"\x89PNG\r\n\x1A\n", 8, IMAGE_PNG},
        {"\x89PNG\n\x1A\n", 7, IMAGE_UNKNOWN},
        {"GIF87a", 6, IMAGE_GIF},
        {"GIF89a", 6, IMAGE_GIF},
        {"GIF88a", 6, IMAGE_UNKNOWN},
        {"RIFF\0\0\0\0WEBP", 12, IMAGE_WEBP},
        {"RIFF\0\0\0\0WAVE", 12, IMAGE_UNKNOWN},
        {"\0\0\0\x10"
         "ftypheic\0\0\0\0",
         16, IMAGE_HEIC},
        {"\0\0\0\x10"
         "ftypheic\0\0\0",
         15, IMAGE_UNKNOWN},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0mif1heic",
         24, IMAGE_HEIC},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0miafavif",
         24, IMAGE_AVIF},
        {"\0\0\0\x14"
         "ftypmif1\0\0\0\0miafavif",
         24, IMAGE_UNKNOWN},  // the brand is outside the box
        {"\0\0\0\x14"
         "ftypavis\0\0\0\0miaf",
         20, IMAGE_AVIF},
        {"\0\0\0\x14"
         "ftypisom\0\0\0\0mp41",
         20, IMAGE_UNKNOWN},
        {"", 0, IMAGE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum image_format format = image_sniff((const uint8_t *)rows[i].bytes, rows[i].size);
        if (format != rows[i].format) {
            fail_msg("row %zu is %s, not %s", i, image_format_mime(format),
                     image_format_mime(rows[i].format));
        }
    }
}

static enum error_kind kind_with_limits(const uint8_t *bytes, size_t size,
                                        struct image_limits limits) {
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    bool is_ok = image_decode(bytes, size, &limits, &pixels, &info, &err);
    assert_true(is_ok == (err.kind == ERROR_NONE));
    pixels_clear(&pixels);
    return err.kind;
}

static void limits_hold_to_the_last_pixel(void **state) {
    (void)state;
    // No HEIC: its limits count the coded size, which is larger than what is shown.
    static const char *const names[] = {"sampling_420.jpg",  "filters.png",
                                        "lossy.webp",        "animated_offset_lossy.webp",
                                        "beyond_canvas.gif", "turned.avif"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size;
        uint8_t *bytes = picture_file_read("golden/image", names[i], &size);
        struct pixels pixels;
        struct image_info info;
        struct error err = {0};
        if (image_format_is_readable(image_sniff(bytes, size))) {
            assert_true(image_decode(bytes, size, &image_limits_default, &pixels, &info, &err));
            pixels_clear(&pixels);
            uint32_t side = info.width > info.height ? info.width : info.height;
            struct image_limits exact = {size, (uint64_t)info.width * info.height, side};
            assert_int_equal(kind_with_limits(bytes, size, exact), ERROR_NONE);
            struct image_limits less = exact;
            less.max_bytes--;
            assert_int_equal(kind_with_limits(bytes, size, less), ERROR_TOO_LARGE);
            less = exact;
            less.max_pixels--;
            assert_int_equal(kind_with_limits(bytes, size, less), ERROR_TOO_LARGE);
            less = exact;
            less.max_side--;
            assert_int_equal(kind_with_limits(bytes, size, less), ERROR_TOO_LARGE);
        }
        memory_free(bytes);
    }
}

static void an_empty_file_is_invalid(void **state) {
    (void)state;
    assert_int_equal(kind_with_limits((const uint8_t *)"", 0, image_limits_default), ERROR_INVALID);
}

static void messages_name_what_can_be_sent(void **state) {
    (void)state;
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    assert_false(
        image_decode((const uint8_t *)"hello", 5, &image_limits_default, &pixels, &info, &err));
    assert_non_null(strstr(err.text, image_formats_text()));
    assert_non_null(strstr(image_formats_text(), "JPEG, PNG, WebP, GIF"));
    assert_true((strstr(image_formats_text(), "HEIC") != NULL) ==
                image_format_is_readable(IMAGE_HEIC));
    assert_false(image_format_is_readable(IMAGE_UNKNOWN));
}

// What a request does with a picture. True when all of it succeeded.
static bool picture_use(const uint8_t *bytes, size_t size, struct error *err) {
    enum { SQUASH_SIDE = 48, CROP_SIDE = 32, THUMBNAIL_SIDE = 20 };
    struct square_request request = {
        .squares = {{SQUASH_SIDE, PICTURE_SQUASHED}, {CROP_SIDE, PICTURE_CROPPED}}, .count = 2};
    struct pixels squares[2];
    struct pixels pixels;
    struct image_info info;
    uint8_t *jpeg = NULL;
    size_t jpeg_size;
    if (!image_decode_squares(bytes, size, &image_limits_default, &request, squares, &info, err)) {
        assert_null(squares[0].rgb);
        assert_null(squares[1].rgb);
        return false;
    }
    pixels_clear(&squares[0]);
    pixels_clear(&squares[1]);
    bool is_ok = image_decode(bytes, size, &image_limits_default, &pixels, &info, err) &&
                 (jpeg = thumbnail_jpeg_create(&pixels, THUMBNAIL_SIDE, &jpeg_size, err)) != NULL;
    memory_free(jpeg);
    pixels_clear(&pixels);
    return is_ok;
}

static void check_failing_allocations(const uint8_t *bytes, size_t size, const char *name,
                                      bool is_sticky) {
    enum { ALLOCATIONS_MAX = 1000 };
    long nth = 1;
    for (;; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, is_sticky);
        bool is_ok = picture_use(bytes, size, &err);
        memory_fail_nth(0, false);
        if (is_ok) break;
        if (err.kind != ERROR_INTERNAL || strstr(err.text, "memory") == NULL) {
            fail_msg("%s, allocation %ld: %s: %s", name, nth, error_kind_name(err.kind), err.text);
        }
        if (nth > ALLOCATIONS_MAX) fail_msg("%s never succeeds", name);
    }
    assert_in_range(nth, 10, ALLOCATIONS_MAX);  // fewer would mean that nothing was made to fail
}

static void failing_allocations_are_survived(void **state) {
    (void)state;
    static const char *const names[] = {"orientation_6.jpg",     "cmyk_progressive.jpg",
                                        "orientation_5.png",     "palette_4_transparent.png",
                                        "orientation_8.webp",    "animated_offset_lossless.webp",
                                        "offset_transparent.gif"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size;
        uint8_t *bytes = picture_file_read("golden/image", names[i], &size);
        check_failing_allocations(bytes, size, names[i], false);
        check_failing_allocations(bytes, size, names[i], true);
        memory_free(bytes);
    }
}

static void only_the_first_of_many_frames_is_read(void **state) {
    (void)state;
    enum { FRAMES = 100000, FRAME_START = 13 + 16 * 3, CASE_MS_MAX = 1000 };
    size_t size;
    uint8_t *dot = picture_file_read("golden/image", "dot.gif", &size);
    size_t frame_size = size - FRAME_START - 1;  // without the end mark
    size_t many_size = FRAME_START + frame_size * FRAMES;
    uint8_t *many = memory_try(many_size);
    assert_non_null(many);
    memcpy(many, dot, FRAME_START);
    for (size_t i = 0; i < FRAMES; i++) {
        memcpy(many + FRAME_START + i * frame_size, dot + FRAME_START, frame_size);
    }
    int64_t started = clock_monotonic_ns();
    assert_int_equal(kind_with_limits(many, many_size, image_limits_default), ERROR_NONE);
    assert_true(clock_ms_since(started) < CASE_MS_MAX);
    memory_free(many);
    memory_free(dot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_told_by_content),
        cmocka_unit_test(limits_hold_to_the_last_pixel),
        cmocka_unit_test(an_empty_file_is_invalid),
        cmocka_unit_test(messages_name_what_can_be_sent),
        cmocka_unit_test(failing_allocations_are_survived),
        cmocka_unit_test(only_the_first_of_many_frames_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
