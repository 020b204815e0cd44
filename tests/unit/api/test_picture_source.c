// Pictures as other programs write them: every file of tests/suites/data_uri is read as an address
// and as base64; "ok" stands for the bytes "picture", "422" for a refusal that says why.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "api/picture_source.h"
#include "base/file.h"
#include "base/memory.h"

enum { CASE_SIZE_MAX = 10 * 1000, PLENTY = 1000 * 1000 };

static const enum picture_form forms[] = {PICTURE_ADDRESS, PICTURE_BASE64};

static void check(const char *name, const char *text, size_t length, enum picture_form form) {
    struct picture_source source;
    struct error err = {0};
    bool is_read = picture_source_read(&source, form, text, length, PLENTY, &err);
    if (is_read != (strncmp(name, "ok", 2) == 0))
        fail_msg("%s: %s", name, is_read ? "was read" : err.text);
    if (is_read) {
        assert_null(source.url);
        assert_int_equal(source.size, strlen("picture"));
        assert_memory_equal(source.bytes, "picture", source.size);
    } else {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(strlen(err.text) > 20);
    }
    picture_source_clear(&source);
    assert_null(source.bytes);
}

static void every_data_uri_is_read_or_refused(void **state) {
    (void)state;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    assert_non_null(data);
    char folder[1024], path[2048];
    (void)snprintf(folder, sizeof folder, "%s/suites/data_uri", data);
    DIR *suite = opendir(folder);
    assert_non_null(suite);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(suite)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        size_t size = 0;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char *text = file_read_create(path, CASE_SIZE_MAX, &size, NULL);
        assert_non_null(text);
        for (size_t i = 0; i < 2; i++) check(entry->d_name, text, size, forms[i]);
        memory_free(text);
        count++;
    }
    closedir(suite);
    assert_true(count >= 30);  // an empty folder must not pass
}

static void other_texts_are_addresses_or_base64(void **state) {
    (void)state;
    static const char address[] = "https://example.org/a.png";
    struct picture_source source;
    struct error err = {0};
    assert_true(
        picture_source_read(&source, PICTURE_ADDRESS, address, strlen(address), PLENTY, &err));
    assert_ptr_equal(source.url, address);
    assert_null(source.bytes);
    picture_source_clear(&source);
    assert_false(
        picture_source_read(&source, PICTURE_BASE64, address, strlen(address), PLENTY, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    picture_source_clear(&source);
    check("ok", "cGljdHVyZQ==", 12, PICTURE_BASE64);
}

static void what_is_too_large_takes_no_memory(void **state) {
    (void)state;
    static char text[4001];
    struct picture_source source;
    struct error err = {0};
    memset(text, 'A', sizeof text - 1);
    memory_fail_nth(1, true);
    assert_false(picture_source_read(&source, PICTURE_BASE64, text, 4000, 2800, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    error_clear(&err);
    // What would fit fails for want of memory, and cleanly.
    assert_false(picture_source_read(&source, PICTURE_BASE64, text, 4000, 3000, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    memory_fail_nth(0, false);
    error_clear(&err);
    assert_true(picture_source_read(&source, PICTURE_BASE64, text, 4000, 3000, &err));
    assert_int_equal(source.size, 3000);
    picture_source_clear(&source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_data_uri_is_read_or_refused),
        cmocka_unit_test(other_texts_are_addresses_or_base64),
        cmocka_unit_test(what_is_too_large_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
