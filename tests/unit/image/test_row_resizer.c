// The resizer against itself: one picture given in one piece or row by row, as it lies or on its
// side, alone or for two results at once, on every tier, comes out the same. That it equals Pillow
// is in test_golden.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/memory.h"
#include "image/orientation.h"
#include "image/row_resizer.h"
#include "kernels/resample.h"

static struct pixels picture_of_noise(uint32_t width, uint32_t height) {
    struct pixels pixels;
    uint32_t state = width * 31 + height;
    assert_true(pixels_init(&pixels, width, height, NULL));
    for (size_t i = 0; i < (size_t)width * height * 3; i++) {
        state = state * 1664525 + 1013904223;  // Numerical Recipes' generator
        // Half of it black or white, so that the cubic overshoots.
        pixels.rgb[i] = (uint8_t)(state >> 31 ? state >> 16 : state >> 30 ? 255 : 0);
    }
    return pixels;
}

static struct resize_target whole_of(uint32_t width, uint32_t height) {
    return (struct resize_target){width, height, {.width = width, .height = height}};
}

static struct row_resizer *resizer_of(const struct pixels *pixels, int orientation,
                                      const struct resize_target *targets, size_t count) {
    struct error err = {0};
    struct row_resizer *resizer =
        row_resizer_create(&(struct resize_source){.width = pixels->width,
                                                   .height = pixels->height,
                                                   .extent_x = pixels->width,
                                                   .extent_y = pixels->height,
                                                   .orientation = orientation},
                           targets, count, &err);
    if (resizer == NULL) fail_msg("%s", err.text);
    return resizer;
}

static void finish(struct row_resizer *resizer, struct pixels *out) {
    assert_true(row_resizer_finish(resizer, out, NULL));
    row_resizer_destroy(resizer);
}

static void resize_at_once(const struct pixels *pixels, int orientation,
                           const struct resize_target *targets, size_t count, struct pixels *out) {
    struct row_resizer *resizer = resizer_of(pixels, orientation, targets, count);
    row_resizer_take(resizer, &(struct row_window){.rows = pixels->rgb,
                                                   .stride = (size_t)pixels->width * 3,
                                                   .end = pixels->height});
    finish(resizer, out);
}

// In pieces of `step` rows, each time in memory that holds no row more than promised.
static void resize_in_pieces(const struct pixels *pixels, int orientation, uint32_t step,
                             const struct resize_target *targets, size_t count,
                             struct pixels *out) {
    struct row_resizer *resizer = resizer_of(pixels, orientation, targets, count);
    size_t row_bytes = (size_t)pixels->width * 3;
    for (uint32_t end = 0; end < pixels->height;) {
        uint32_t come = end;
        end = pixels->height - end < step ? pixels->height : end + step;
        uint32_t oldest = row_resizer_oldest(resizer);
        uint32_t first = oldest < come ? oldest : come;
        assert_true(come - first <= row_resizer_kept_rows(resizer));
        uint8_t *rows = memory_try((end - first) * row_bytes);
        assert_non_null(rows);
        memcpy(rows, pixels->rgb + first * row_bytes, (end - first) * row_bytes);
        row_resizer_take(
            resizer,
            &(struct row_window){.rows = rows, .stride = row_bytes, .first = first, .end = end});
        memory_free(rows);
    }
    assert_int_equal(row_resizer_oldest(resizer), pixels->height);
    finish(resizer, out);
}

static void assert_same_pixels(const struct pixels *a, const struct pixels *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->rgb, b->rgb, (size_t)a->width * a->height * 3);
}

static void a_window_is_a_part_of_the_whole(void **state) {
    (void)state;
    struct pixels pixels = picture_of_noise(61, 53);
    struct resize_target whole = whole_of(40, 70), part = whole;
    part.window = (struct resize_window){.left = 11, .top = 23, .width = 17, .height = 31};
    struct pixels all, some;
    resize_at_once(&pixels, 1, &whole, 1, &all);
    resize_at_once(&pixels, 1, &part, 1, &some);
    for (size_t y = 0; y < part.window.height; y++) {
        assert_memory_equal(some.rgb + y * part.window.width * 3,
                            all.rgb + ((y + part.window.top) * 40 + part.window.left) * 3,
                            part.window.width * 3);
    }
    pixels_clear(&some);
    pixels_clear(&all);
    pixels_clear(&pixels);
}

// Sizes of pictures and results, smaller and larger, one pixel and none of them round.
static const uint32_t sizes[][4] = {
    {1, 1, 5, 3},       {2, 7, 1, 1},      {17, 16, 9, 31},   {97, 61, 24, 24},
    {300, 200, 24, 37}, {33, 640, 40, 11}, {1000, 9, 16, 16}, {253, 511, 64, 63},
};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

// A whole and the window of another, on the picture turned upright.
static void targets_for(const uint32_t size[static 4], struct resize_target targets[static 2]) {
    targets[0] = whole_of(size[2], size[3]);
    targets[1] = whole_of(size[3] + 20, size[2] + 12);
    targets[1].window =
        (struct resize_window){.left = 5, .top = 12, .width = size[3] + 3, .height = size[2]};
}

static void check_orientation(const struct pixels *pixels, int orientation,
                              const struct resize_target targets[static 2]) {
    struct pixels upright, expected[2], whole[2], pieces[2];
    assert_true(pixels_init(&upright, pixels->width, pixels->height, NULL));
    memcpy(upright.rgb, pixels->rgb, (size_t)pixels->width * pixels->height * 3);
    assert_true(orientation_apply(&upright, orientation, NULL));
    for (int i = 0; i < 2; i++) resize_at_once(&upright, 1, &targets[i], 1, &expected[i]);
    resize_at_once(pixels, orientation, targets, 2, whole);
    static const uint32_t steps[] = {1, 15, 16, 37};
    for (int i = 0; i < 2; i++) assert_same_pixels(&whole[i], &expected[i]);
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        resize_in_pieces(pixels, orientation, steps[s], targets, 2, pieces);
        for (int i = 0; i < 2; i++) {
            assert_same_pixels(&pieces[i], &expected[i]);
            pixels_clear(&pieces[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        pixels_clear(&expected[i]);
        pixels_clear(&whole[i]);
    }
    pixels_clear(&upright);
}

static void all_ways_give_the_same(void **state) {
    (void)state;
    for (int tier = 0; tier < KERNEL_TIER_COUNT; tier++) {
        if (resample_kernels_of_tier((enum kernel_tier)tier) == NULL ||
            !cpu_supports((enum kernel_tier)tier))
            continue;
        resample_use_tier((enum kernel_tier)tier);
        for (size_t s = 0; s < SIZES; s++) {
            struct pixels pixels = picture_of_noise(sizes[s][0], sizes[s][1]);
            struct resize_target targets[2];
            targets_for(sizes[s], targets);
            for (int orientation = 1; orientation <= 8; orientation++)
                check_orientation(&pixels, orientation, targets);
            pixels_clear(&pixels);
        }
    }
}

static void tiers_give_the_same(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZES; s++) {
        struct pixels pixels = picture_of_noise(sizes[s][0], sizes[s][1]);
        struct resize_target targets[2];
        targets_for(sizes[s], targets);
        struct pixels expected[2], out[2];
        resample_use_tier(KERNEL_SCALAR);
        resize_at_once(&pixels, 6, targets, 2, expected);
        for (int tier = KERNEL_SCALAR + 1; tier < KERNEL_TIER_COUNT; tier++) {
            if (resample_kernels_of_tier((enum kernel_tier)tier) == NULL ||
                !cpu_supports((enum kernel_tier)tier))
                continue;
            resample_use_tier((enum kernel_tier)tier);
            resize_at_once(&pixels, 6, targets, 2, out);
            for (int i = 0; i < 2; i++) {
                assert_same_pixels(&out[i], &expected[i]);
                pixels_clear(&out[i]);
            }
        }
        for (int i = 0; i < 2; i++) pixels_clear(&expected[i]);
        pixels_clear(&pixels);
    }
}

// A strip of what the picture does not fill changes nothing when it is dark: the picture's own
// end must stay where it is, on whichever side the orientation puts it.
static void what_is_not_filled_does_not_shift_the_picture(void **state) {
    (void)state;
    enum { WIDTH = 64, OUT = 8 };
    struct resize_target target = whole_of(OUT, OUT);
    for (int orientation = 1; orientation <= 8; orientation++) {
        struct pixels pixels, out, filled;
        assert_true(pixels_init(&pixels, WIDTH, WIDTH, NULL));
        for (size_t i = 0; i < WIDTH * WIDTH; i++) {
            uint8_t value = (uint8_t)(i % WIDTH * 3);
            memset(pixels.rgb + i * 3, value, 3);
        }
        resize_at_once(&pixels, orientation, &target, 1, &filled);
        struct row_resizer *resizer =
            row_resizer_create(&(struct resize_source){.width = WIDTH,
                                                       .height = WIDTH,
                                                       .extent_x = WIDTH - 0.75,
                                                       .extent_y = WIDTH - 0.75,
                                                       .orientation = orientation},
                               &target, 1, NULL);
        assert_non_null(resizer);
        row_resizer_take(
            resizer, &(struct row_window){.rows = pixels.rgb, .stride = WIDTH * 3, .end = WIDTH});
        finish(resizer, &out);
        // The ramp goes along the columns of the file. Its dark beginning is filled on both
        // accounts, its end 0.75 * 3 shades brighter in the picture that fills all.
        size_t nearest_start = 0, nearest_end = 0;
        for (size_t i = 0; i < OUT * OUT; i++) {
            if (out.rgb[i * 3] < out.rgb[nearest_start * 3]) nearest_start = i;
            if (out.rgb[i * 3] > out.rgb[nearest_end * 3]) nearest_end = i;
        }
        int at_start = filled.rgb[nearest_start * 3] - out.rgb[nearest_start * 3];
        int at_end = filled.rgb[nearest_end * 3] - out.rgb[nearest_end * 3];
        if (at_start < 0 || at_start > 1 || at_end < 1 || at_end > 3)
            fail_msg("orientation %d: differs by %d and %d", orientation, at_start, at_end);
        pixels_clear(&out);
        pixels_clear(&filled);
        pixels_clear(&pixels);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_a_part_of_the_whole),
        cmocka_unit_test(all_ways_give_the_same),
        cmocka_unit_test(tiers_give_the_same),
        cmocka_unit_test(what_is_not_filled_does_not_shift_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
