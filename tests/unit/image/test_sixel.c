// Sixels byte by byte; the tests of the commands decode whole pictures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "image/sixel.h"

enum { TEXT_MAX = 16 * 1024 };

// What follows the palette.
static void check(const uint8_t *rgb, uint32_t width, uint32_t height, const char *sixels) {
    struct pixels pixels;
    struct error err = {0};
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, TEXT_MAX);
    assert_true(pixels_init(&pixels, width, height, &err));
    memcpy(pixels.rgb, rgb, (size_t)width * height * 3);
    assert_true(sixel_append(&buffer, &pixels, &err));
    const char *last_colour = strstr(buffer.bytes, "#215;2;100;100;100");
    assert_non_null(last_colour);
    assert_string_equal(last_colour + strlen("#215;2;100;100;100"), sixels);
    byte_buffer_clear(&buffer);
    pixels_clear(&pixels);
}

static void one_pixel(void **state) {
    (void)state;
    static const uint8_t white[] = {255, 255, 255};
    check(white, 1, 1, "#215@$\033\\");
}

static void six_rows_are_a_band_and_runs_are_short(void **state) {
    (void)state;
    uint8_t black[8 * 7 * 3] = {0};
    check(black, 8, 7, "#0!8~$-#0!8@$\033\\");
    check(black, 3, 2, "#0BBB$\033\\");
}

static void each_colour_is_drawn_over_the_band(void **state) {
    (void)state;
    static const uint8_t flag[] = {255, 0, 0, 0, 255, 0, 255, 0, 0, 0, 0, 255};
    check(flag, 4, 1, "#5???@$#30?@$#180@?@$\033\\");
}

static void no_memory_and_no_room_are_told(void **state) {
    (void)state;
    uint8_t black[8 * 7 * 3] = {0};
    struct pixels pixels = {.rgb = black, .width = 8, .height = 7};
    struct error err = {0};
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, 100);
    assert_false(sixel_append(&buffer, &pixels, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    byte_buffer_clear(&buffer);
    for (long nth = 1; nth <= 3; nth++) {
        error_clear(&err);
        byte_buffer_init(&buffer, TEXT_MAX);
        memory_fail_nth(nth, false);
        assert_false(sixel_append(&buffer, &pixels, &err));
        memory_fail_nth(0, false);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        byte_buffer_clear(&buffer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pixel),
        cmocka_unit_test(six_rows_are_a_band_and_runs_are_short),
        cmocka_unit_test(each_colour_is_drawn_over_the_band),
        cmocka_unit_test(no_memory_and_no_room_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
