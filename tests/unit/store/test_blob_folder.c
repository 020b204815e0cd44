// The folder of original bytes: whole or not there, never outside the folder, never changed
// content handed out.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "store/blob_folder.h"
#include "store_fixture.h"

struct fixture {
    struct test_folder folder;
    struct blob_folder *blobs;
};

static int setup(void **state) {
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    struct error err = {0};
    test_folder_create(&fixture->folder);
    fixture->blobs = blob_folder_create(test_folder_path(&fixture->folder, "a/blobs"), &err);
    if (fixture->blobs == NULL) fail_msg("%s", err.text);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    blob_folder_destroy(fixture->blobs);
    test_folder_destroy(&fixture->folder);
    memory_free(fixture);
    return 0;
}

static const char *name_of(const void *bytes, size_t size) {
    static char name[SHA256_HEX_SIZE];
    uint8_t digest[SHA256_SIZE];
    sha256(bytes, size, digest);
    sha256_hex(digest, name);
    return name;
}

static const char *blob_path(const struct fixture *fixture, const char *name) {
    char inner[128];
    (void)snprintf(inner, sizeof inner, "a/blobs/%.2s/%.64s", name, name);
    return test_folder_path(&fixture->folder, inner);
}

static void bytes_come_back(void **state) {
    struct fixture *fixture = *state;
    const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{"", 0}, {"a\0b", 3}, {"picture", 7}};
    for (size_t i = 0; i < 3; i++) {
        const char *name = name_of(cases[i].bytes, cases[i].size);
        struct error err = {0};
        size_t size;
        for (int twice = 0; twice < 2; twice++)
            assert_true(blob_folder_put(fixture->blobs, name, cases[i].bytes, cases[i].size, &err));
        assert_true(file_exists(blob_path(fixture, name)));
        char *found = blob_folder_get(fixture->blobs, name, 100, &size, &err);
        assert_non_null(found);
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(found, cases[i].bytes, size);
        memory_free(found);
        assert_true(blob_folder_remove(fixture->blobs, name, &err));
        assert_null(blob_folder_get(fixture->blobs, name, 100, &size, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        error_clear(&err);
        assert_false(blob_folder_remove(fixture->blobs, name, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
    }
}

static void only_a_hash_is_a_name(void **state) {
    struct fixture *fixture = *state;
    char long_name[SHA256_HEX_SIZE + 1], upper[SHA256_HEX_SIZE];
    (void)snprintf(long_name, sizeof long_name, "%sa", name_of("x", 1));
    (void)snprintf(upper, sizeof upper, "%s", name_of("x", 1));
    upper[63] = 'A';
    const char *names[] = {"",        "..", "../../../../etc/passwd", "ab", "ab/../../x",
                           long_name, upper};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error err = {0};
        size_t size;
        assert_false(blob_folder_put(fixture->blobs, names[i], "x", 1, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_null(blob_folder_get(fixture->blobs, names[i], 100, &size, NULL));
        assert_false(blob_folder_remove(fixture->blobs, names[i], NULL));
    }
}

static void changed_content_is_not_handed_out(void **state) {
    struct fixture *fixture = *state;
    const char *name = name_of("picture", 7);
    struct error err = {0};
    size_t size;
    assert_true(blob_folder_put(fixture->blobs, name, "picture", 7, &err));
    assert_true(file_write_atomic(blob_path(fixture, name), "Picture", 7, &err));
    assert_null(blob_folder_get(fixture->blobs, name, 100, &size, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    error_clear(&err);
    assert_true(file_write_atomic(blob_path(fixture, name), "pict", 4, &err));
    assert_null(blob_folder_get(fixture->blobs, name, 100, &size, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    error_clear(&err);
    // A cut file is mended by putting the picture again.
    assert_true(blob_folder_put(fixture->blobs, name, "picture", 7, &err));
    char *found = blob_folder_get(fixture->blobs, name, 100, &size, &err);
    assert_non_null(found);
    memory_free(found);
}

static void size_limit_is_kept(void **state) {
    struct fixture *fixture = *state;
    const char *name = name_of("picture", 7);
    struct error err = {0};
    size_t size;
    assert_true(blob_folder_put(fixture->blobs, name, "picture", 7, &err));
    assert_null(blob_folder_get(fixture->blobs, name, 6, &size, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    error_clear(&err);
    memory_fail_nth(1, false);
    assert_null(blob_folder_get(fixture->blobs, name, 7, &size, &err));
    memory_fail_nth(0, false);
    assert_int_equal(err.kind, ERROR_INTERNAL);
}

static void full_disk_leaves_nothing_half(void **state) {
    struct fixture *fixture = *state;
    enum { SIZE = 100000 };
    char *bytes = memory_try_zeroed(SIZE, 1);
    assert_non_null(bytes);
    const char *name = name_of(bytes, SIZE);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit unlimited, small = {.rlim_cur = SIZE / 2};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    small.rlim_max = unlimited.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct error err = {0};
    bool is_put = blob_folder_put(fixture->blobs, name, bytes, SIZE, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_false(is_put);
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_false(file_exists(blob_path(fixture, name)));
    char *folder = memory_copy_text(blob_path(fixture, name));
    *strrchr(folder, '/') = '\0';
    assert_int_equal(rmdir(folder), 0);  // works on an empty folder only
    memory_free(folder);
    error_clear(&err);
    assert_false(blob_folder_put(fixture->blobs, name, bytes, SIZE, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);  // the folder is gone: our trouble, not a 404
    memory_free(bytes);
}

static void folder_in_the_way_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct error err = {0};
    assert_true(file_write_atomic(test_folder_path(&fixture->folder, "file"), "x", 1, NULL));
    assert_null(blob_folder_create(test_folder_path(&fixture->folder, "file"), &err));
    assert_true(err.kind != ERROR_NONE);
}

int main(void) {
#define BLOB_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        BLOB_TEST(bytes_come_back),
        BLOB_TEST(only_a_hash_is_a_name),
        BLOB_TEST(changed_content_is_not_handed_out),
        BLOB_TEST(size_limit_is_kept),
        BLOB_TEST(full_disk_leaves_nothing_half),
        BLOB_TEST(folder_in_the_way_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
