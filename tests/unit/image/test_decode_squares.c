// JPEGs that their decoder scales: near to what the whole picture gives, of the size that the whole
// has, and held to the same limits. That the exact way equals Pillow is in test_golden.c.
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
#include "image/decode_squares.h"
#include "image/thumbnail.h"
#include "picture_files.h"

enum { COUNT = 2 };

static struct square_request request_for(uint32_t squash_side, uint32_t crop_side, bool is_exact) {
    return (struct square_request){
        .squares = {{squash_side, PICTURE_SQUASHED}, {crop_side, PICTURE_CROPPED}},
        .count = COUNT,
        .is_exact = is_exact,
    };
}

static struct image_info decode(const uint8_t *bytes, size_t size,
                                const struct square_request *request,
                                struct pixels squares[static COUNT]) {
    struct image_info info;
    struct error err = {0};
    if (!image_decode_squares(bytes, size, &image_limits_default, request, squares, &info, &err))
        fail_msg("%s", err.text);
    return info;
}

static void clear(struct pixels squares[static COUNT]) {
    for (int i = 0; i < COUNT; i++) pixels_clear(&squares[i]);
}

static double mean_difference(const struct pixels *a, const struct pixels *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    size_t count = (size_t)a->width * a->height * 3;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += abs((int)a->rgb[i] - (int)b->rgb[i]);
    return sum / (double)count;
}

// Waves of every direction, no two corners alike, so that a shift or a turn shows.
static uint8_t *photograph_create(uint32_t width, uint32_t height, int orientation, size_t *size) {
    struct pixels pixels;
    assert_true(pixels_init(&pixels, width, height, NULL));
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint8_t *rgb = pixels.rgb + ((size_t)y * width + x) * 3;
            rgb[0] = (uint8_t)(x * 255 / width);
            rgb[1] = (uint8_t)(y * 255 / height);
            rgb[2] = (uint8_t)(128 + (int)((x / 9 + y / 7) % 2) * 90);
        }
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, width > height ? width : height, size, NULL);
    assert_non_null(jpeg);
    pixels_clear(&pixels);
    // Orientation alone, as a camera would write it, behind the two bytes that begin a JPEG.
    const uint8_t exif[] = {0xFF,
                            0xE1,
                            0,
                            34,
                            'E',
                            'x',
                            'i',
                            'f',
                            0,
                            0,
                            'I',
                            'I',
                            42,
                            0,
                            8,
                            0,
                            0,
                            0,
                            1,
                            0,
                            0x12,
                            0x01,
                            3,
                            0,
                            1,
                            0,
                            0,
                            0,
                            (uint8_t)orientation,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0};
    uint8_t *turned = memory_try(*size + sizeof exif);
    assert_non_null(turned);
    memcpy(turned, jpeg, 2);
    memcpy(turned + 2, exif, sizeof exif);
    memcpy(turned + 2 + sizeof exif, jpeg + 2, *size - 2);
    *size += sizeof exif;
    memory_free(jpeg);
    return turned;
}

// How many shades the scaled squares are off in the mean, and whether they are at all.
static void check_scaled(const uint8_t *bytes, size_t size, uint32_t squash_side,
                         uint32_t crop_side, uint32_t width, uint32_t height, double limit,
                         const char *what) {
    struct square_request exact_request = request_for(squash_side, crop_side, true);
    struct square_request scaled_request = request_for(squash_side, crop_side, false);
    struct pixels exact[COUNT], scaled[COUNT];
    struct image_info exact_info = decode(bytes, size, &exact_request, exact);
    struct image_info scaled_info = decode(bytes, size, &scaled_request, scaled);
    assert_int_equal(exact_info.width, width);
    assert_int_equal(exact_info.height, height);
    assert_int_equal(scaled_info.width, width);
    assert_int_equal(scaled_info.height, height);
    assert_int_equal(scaled_info.orientation, exact_info.orientation);
    assert_int_equal(scaled_info.format, IMAGE_JPEG);
    for (int i = 0; i < COUNT; i++) {
        double difference = mean_difference(&exact[i], &scaled[i]);
        if (difference > limit)
            fail_msg("%s, square %d: differs by %.2f shades", what, i, difference);
    }
    clear(exact);
    clear(scaled);
}

// Odd sizes, just above a decoder's block and far from it, on every side.
static void scaled_squares_are_near_the_exact_ones(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {
        {160, 160}, {161, 167}, {333, 240}, {201, 703}, {1283, 641}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int orientation = 1; orientation <= 8; orientation++) {
            size_t size;
            uint32_t width = sizes[s][0], height = sizes[s][1];
            uint8_t *jpeg = photograph_create(width, height, orientation, &size);
            bool is_on_its_side = orientation >= 5;
            char what[64];
            (void)snprintf(what, sizeof what, "%ux%u, orientation %d", width, height, orientation);
            check_scaled(jpeg, size, 40, 24, is_on_its_side ? height : width,
                         is_on_its_side ? width : height, 1.5, what);
            memory_free(jpeg);
        }
    }
}

// Every kind of JPEG: grey, four colours, progressive, each sampling of colour.
static void every_kind_of_jpeg_can_be_scaled(void **state) {
    (void)state;
    size_t table_size;
    char *table = (char *)picture_file_read("golden/image", "expected.txt", &table_size);
    const char *line = table;
    char name[64];
    unsigned width, height;
    int line_size = 0, pictures = 0;
    while (sscanf(line, "%63s %u %u %*d %*s %*s %*s %*s %*s%n", name, &width, &height,
                  &line_size) == 3) {
        line += line_size;
        if (strstr(name, ".jpg") == NULL || width < 36 || height < 36) continue;
        size_t size;
        uint8_t *bytes = picture_file_read("golden/image", name, &size);
        check_scaled(bytes, size, 9, 7, width, height, 1.5, name);
        memory_free(bytes);
        pictures++;
    }
    memory_free(table);
    assert_in_range(pictures, 12, 100);
}

static bool are_equal(const struct pixels *a, const struct pixels *b) {
    return mean_difference(a, b) == 0;
}

// From four times the larger square on, and not a pixel before.
static void small_pictures_are_not_scaled(void **state) {
    (void)state;
    static const struct {
        uint32_t width, height;
        bool is_scaled;
    } rows[] = {{159, 400, false}, {400, 159, false}, {160, 400, true}, {400, 160, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size;
        uint8_t *jpeg = photograph_create(rows[i].width, rows[i].height, 1, &size);
        struct square_request exact_request = request_for(40, 20, true);
        struct square_request scaled_request = request_for(40, 20, false);
        struct pixels exact[COUNT], scaled[COUNT];
        (void)decode(jpeg, size, &exact_request, exact);
        (void)decode(jpeg, size, &scaled_request, scaled);
        if (are_equal(&exact[0], &scaled[0]) == rows[i].is_scaled)
            fail_msg("%ux%u: scaled is %d", rows[i].width, rows[i].height, !rows[i].is_scaled);
        clear(exact);
        clear(scaled);
        memory_free(jpeg);
    }
}

// As image_decode does it: the size in the file counts, not the one that is decoded.
static void limits_are_those_of_the_whole_picture(void **state) {
    (void)state;
    size_t size;
    uint8_t *jpeg = photograph_create(400, 300, 6, &size);
    struct square_request request = request_for(20, 16, false);
    struct image_limits limits = {size, 400 * 300, 400};
    struct pixels squares[COUNT];
    struct image_info info;
    struct error err = {0};
    assert_true(image_decode_squares(jpeg, size, &limits, &request, squares, &info, &err));
    clear(squares);
    struct image_limits less[] = {limits, limits, limits};
    less[0].max_bytes--;
    less[1].max_pixels--;
    less[2].max_side--;
    for (int i = 0; i < 3; i++) {
        error_clear(&err);
        assert_false(image_decode_squares(jpeg, size, &less[i], &request, squares, &info, &err));
        assert_int_equal(err.kind, ERROR_TOO_LARGE);
    }
    memory_free(jpeg);
}

static void a_cut_file_is_refused_scaled_as_well(void **state) {
    (void)state;
    size_t size;
    uint8_t *jpeg = photograph_create(400, 300, 1, &size);
    struct square_request request = request_for(20, 16, false);
    struct pixels squares[COUNT];
    struct image_info info;
    for (size_t cut = 2; cut < size; cut += 101) {
        struct error err = {0};
        assert_false(image_decode_squares(jpeg, size - cut, &image_limits_default, &request,
                                          squares, &info, &err));
        assert_true(err.kind == ERROR_INVALID || err.kind == ERROR_UNSUPPORTED);
        assert_null(squares[0].rgb);
        assert_null(squares[1].rgb);
    }
    memory_free(jpeg);
}

// Both squares at once are what each is alone.
static void squares_do_not_depend_on_each_other(void **state) {
    (void)state;
    size_t size;
    uint8_t *jpeg = photograph_create(333, 240, 8, &size);
    struct square_request both = request_for(57, 41, true);
    struct pixels squares[COUNT], alone[COUNT] = {{0}};
    (void)decode(jpeg, size, &both, squares);
    for (int i = 0; i < COUNT; i++) {
        struct square_request one = {.squares = {both.squares[i]}, .count = 1, .is_exact = true};
        (void)decode(jpeg, size, &one, alone);
        assert_true(are_equal(&alone[0], &squares[i]));
        pixels_clear(&alone[0]);
    }
    clear(squares);
    memory_free(jpeg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaled_squares_are_near_the_exact_ones),
        cmocka_unit_test(every_kind_of_jpeg_can_be_scaled),
        cmocka_unit_test(small_pictures_are_not_scaled),
        cmocka_unit_test(limits_are_those_of_the_whole_picture),
        cmocka_unit_test(a_cut_file_is_refused_scaled_as_well),
        cmocka_unit_test(squares_do_not_depend_on_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
