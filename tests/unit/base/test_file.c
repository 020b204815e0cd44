#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"

static char folder[] = "/tmp/imgrouter-file-XXXXXX";
static char path[sizeof folder + 32];

static int set_up(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(const char *name) {
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static size_t count_entries(void) {
    size_t count = 0;
    DIR *entries = opendir(folder);
    while (readdir(entries) != NULL) count++;
    (void)closedir(entries);
    return count - 2;  // without . and ..
}

static void test_what_is_written_is_read(void **state) {
    (void)state;
    size_t size;
    assert_true(file_write_atomic(in_folder("a"), "old", 3, NULL));
    assert_true(file_write_atomic(in_folder("a"), "new one", 7, NULL));
    char *bytes = file_read_create(in_folder("a"), 7, &size, NULL);
    assert_string_equal(bytes, "new one");
    assert_int_equal(size, 7);
    memory_free(bytes);
    assert_int_equal(count_entries(), 1);  // no temporary file stays
    struct stat status;
    assert_int_equal(stat(in_folder("a"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);  // pictures are private
    (void)unlink(in_folder("a"));
}

static void test_limits_and_absence_are_told_apart(void **state) {
    (void)state;
    size_t size;
    struct error err = {0};
    assert_null(file_read_create(in_folder("absent"), 10, &size, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(file_write_atomic(in_folder("b"), "12345", 5, NULL));
    error_clear(&err);
    assert_null(file_read_create(in_folder("b"), 4, &size, &err));
    assert_int_equal(err.kind, ERROR_TOO_LARGE);
    error_clear(&err);
    assert_null(file_read_create(folder, 1000, &size, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    (void)unlink(in_folder("b"));
}

static void test_a_failed_write_leaves_nothing(void **state) {
    (void)state;
    struct error err = {0};
    char deep[sizeof path + 16];
    (void)snprintf(deep, sizeof deep, "%s/none/x", folder);
    assert_false(file_write_atomic(deep, "x", 1, &err));
    assert_int_equal(count_entries(), 0);
    // A folder in the way: the rename fails, and the temporary file goes.
    assert_int_equal(mkdir(in_folder("c"), 0700), 0);
    error_clear(&err);
    assert_false(file_write_atomic(in_folder("c"), "x", 1, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_int_equal(count_entries(), 1);
    (void)rmdir(in_folder("c"));
}

static void test_folders_are_made_and_obstacles_told(void **state) {
    (void)state;
    char deep[sizeof path + 16];
    (void)snprintf(deep, sizeof deep, "%s/d/e/f", folder);
    assert_true(folder_create(deep, NULL));
    assert_true(folder_create(deep, NULL));
    assert_true(folder_sync(deep, NULL));
    (void)snprintf(deep, sizeof deep, "%s/d/e/f", folder);
    (void)rmdir(deep);
    assert_true(file_write_atomic(deep, "", 0, NULL));
    struct error err = {0};
    assert_false(folder_create(deep, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    (void)unlink(deep);
    (void)rmdir(in_folder("d/e"));
    (void)rmdir(in_folder("d"));
}

static void test_a_mapped_file_shows_its_bytes(void **state) {
    (void)state;
    struct mapped_file file;
    size_t size = 3 * 4096 + 5;
    char *bytes = memory_alloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = (char)i;
    assert_true(file_write_atomic(in_folder("m"), bytes, size, NULL));
    assert_true(mapped_file_open(&file, in_folder("m"), NULL));
    assert_int_equal(file.size, size);
    assert_memory_equal(file.bytes, bytes, size);
    mapped_file_forget(&file, 0, size);
    assert_memory_equal(file.bytes, bytes, size);  // comes back from the file
    mapped_file_close(&file);
    assert_true(file_write_atomic(in_folder("m"), "", 0, NULL));
    assert_true(mapped_file_open(&file, in_folder("m"), NULL));
    assert_int_equal(file.size, 0);
    mapped_file_close(&file);
    (void)unlink(in_folder("m"));
    memory_free(bytes);
}

// FIPS 180-2, appendix B.1 and B.2.
static void test_sha256_of_the_standard(void **state) {
    (void)state;
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256("abc", 3, digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *long_text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    struct sha256_stream stream;
    assert_true(sha256_stream_init(&stream));
    for (const char *c = long_text; *c != '\0'; c++)
        assert_true(sha256_stream_update(&stream, c, 1));
    assert_true(sha256_stream_finish(&stream, digest));
    sha256_hex(digest, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_limits_and_absence_are_told_apart),
        cmocka_unit_test(test_a_failed_write_leaves_nothing),
        cmocka_unit_test(test_folders_are_made_and_obstacles_told),
        cmocka_unit_test(test_a_mapped_file_shows_its_bytes),
        cmocka_unit_test(test_sha256_of_the_standard),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
