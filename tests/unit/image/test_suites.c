// The pictures of tests/suites/image: the folder a file lies in names the error it must give, and
// those in `readable` must decode. tools/reference/make_image_suites.py made them.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs some of the above.
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "image/decode_squares.h"
#include "picture_files.h"

static int failures;

// Every case is a few KiB; one that takes longer has found a bomb. Wide, for sanitizers and load.
enum { CASE_MS_MAX = 5000 };

// The squares of it fail or succeed as the whole does, in both ways of reading it.
static bool check_squares(const uint8_t *bytes, size_t size, enum error_kind kind) {
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        struct square_request request = {
            .squares = {{5, PICTURE_SQUASHED}, {4, PICTURE_CROPPED}},
            .count = 2,
            .is_exact = is_exact != 0,
        };
        struct pixels squares[2];
        struct image_info info;
        struct error err = {0};
        bool is_ok = image_decode_squares(bytes, size, &image_limits_default, &request, squares,
                                          &info, &err);
        bool is_clean = true;
        for (int i = 0; i < 2; i++) {
            is_clean = is_clean && (squares[i].rgb != NULL) == is_ok;
            pixels_clear(&squares[i]);
        }
        if (is_ok != (kind == ERROR_NONE) || err.kind != kind || !is_clean) return false;
    }
    return true;
}

static void check_case(const char *folder, const char *name, enum error_kind kind) {
    size_t size;
    uint8_t *bytes = picture_file_read(folder, name, &size);
    enum image_format format = image_sniff(bytes, size);
    if (format != IMAGE_UNKNOWN && !image_format_is_readable(format)) kind = ERROR_UNSUPPORTED;
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    int64_t started = clock_monotonic_ns();
    bool is_ok = image_decode(bytes, size, &image_limits_default, &pixels, &info, &err);
    double ms = clock_ms_since(started);

    bool is_as_expected = is_ok == (kind == ERROR_NONE) && err.kind == kind;
    bool is_clean = is_ok ? pixels.rgb != NULL : pixels.rgb == NULL && err.text[0] != '\0';
    bool has_advice = is_ok || strstr(err.text, "; s") != NULL;  // "; send …" or "; save …"
    if (!is_as_expected || !is_clean || !has_advice || ms > CASE_MS_MAX ||
        !check_squares(bytes, size, kind)) {
        print_error("%s/%s: %s (%s), %.0f ms\n", folder, name, error_kind_name(err.kind), err.text,
                    ms);
        failures++;
    }
    pixels_clear(&pixels);
    memory_free(bytes);
}

static void check_folder(const char *folder, enum error_kind kind, int cases_min) {
    char path[PICTURE_PATH_SIZE];
    picture_file_path(path, folder, NULL);
    DIR *listing = opendir(path);
    if (listing == NULL) fail_msg("%s: there is no such folder", path);
    int cases = 0;
    failures = 0;
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (entry->d_name[0] == '.') continue;
        check_case(folder, entry->d_name, kind);
        cases++;
    }
    (void)closedir(listing);
    assert_int_equal(failures, 0);
    assert_in_range(cases, cases_min, 1000);
}

static void what_is_no_picture_is_unsupported(void **state) {
    (void)state;
    check_folder("suites/image/unsupported", ERROR_UNSUPPORTED, 15);
}

static void broken_pictures_are_invalid(void **state) {
    (void)state;
    check_folder("suites/image/invalid", ERROR_INVALID, 50);
}

static void huge_pictures_are_too_large(void **state) {
    (void)state;
    check_folder("suites/image/too_large", ERROR_TOO_LARGE, 10);
}

static void odd_pictures_are_readable(void **state) {
    (void)state;
    check_folder("suites/image/readable", ERROR_NONE, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_picture_is_unsupported),
        cmocka_unit_test(broken_pictures_are_invalid),
        cmocka_unit_test(huge_pictures_are_too_large),
        cmocka_unit_test(odd_pictures_are_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
