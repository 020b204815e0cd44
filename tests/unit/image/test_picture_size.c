// Sizes from headers alone, held against what decoding finds.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/memory.h"
#include "image/decode.h"
#include "image/picture_size.h"
#include "picture_files.h"

// The pictures whose canvas is larger than their header says: GIFs alone do that.
static bool may_differ(const char *name) { return strcmp(name, "beyond_canvas.gif") == 0; }

static bool check_picture(const char *folder, const char *name) {
    size_t size;
    uint8_t *bytes = picture_file_read(folder, name, &size);
    struct pixels pixels;
    struct image_info info;
    uint32_t width, height;
    enum image_format format = image_sniff(bytes, size);
    bool is_picture = image_decode(bytes, size, &image_limits_default, &pixels, &info, NULL);
    bool is_read = picture_size_read(bytes, size, &width, &height);
    if (is_picture && (format == IMAGE_HEIC || format == IMAGE_AVIF)) {
        if (is_read) fail_msg("%s: a container has told its size", name);
    } else if (is_picture && !may_differ(name)) {
        bool is_same = width == info.width && height == info.height;
        bool is_turned = width == info.height && height == info.width;
        if (!is_read || (!is_same && !(is_turned && info.orientation >= 5)))
            fail_msg("%s: %ux%u, not %ux%u", name, width, height, info.width, info.height);
    }
    // Cut anywhere, it is the same size or none.
    for (size_t part = 0; part <= size && part < 4096; part++) {
        uint32_t part_width, part_height;
        uint8_t *copy = memory_try(part + 1);
        assert_non_null(copy);
        memcpy(copy, bytes, part);
        if (picture_size_read(copy, part, &part_width, &part_height) &&
            (part_width != width || part_height != height))
            fail_msg("%s: another size in its first %zu bytes", name, part);
        memory_free(copy);
    }
    pixels_clear(&pixels);
    memory_free(bytes);
    return is_picture;
}

static int check_folder(const char *folder) {
    char path[PICTURE_PATH_SIZE];
    picture_file_path(path, folder, NULL);
    DIR *listing = opendir(path);
    assert_non_null(listing);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (entry->d_name[0] != '.') count += check_picture(folder, entry->d_name);
    (void)closedir(listing);
    return count;
}

static void test_headers_say_what_decoding_finds(void **state) {
    (void)state;
    assert_true(check_folder("golden/image") >= 100);
    assert_true(check_folder("suites/image/readable") >= 10);
}

static void test_nonsense_has_no_size(void **state) {
    (void)state;
    static const char *const none[] = {"no_header.jpg",  "magic_only.png",  "magic_only.jpg",
                                       "magic_only.gif", "magic_only.webp", "zero_width.png",
                                       "zero_height.jpg"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        size_t size;
        uint32_t width, height;
        uint8_t *bytes = picture_file_read("suites/image/invalid", none[i], &size);
        if (picture_size_read(bytes, size, &width, &height))
            fail_msg("%s is %ux%u", none[i], width, height);
        memory_free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_say_what_decoding_finds),
        cmocka_unit_test(test_nonsense_has_no_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
