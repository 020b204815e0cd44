// tests/suites/import: lines of images.jsonl (.line), headers of arrays (.npy) and manifests
// (.manifest). <case>.error is a part of the sentence that must refuse the file beside it;
// <case>.ok is there when it must be taken. Then the valid ones again, cut short at every byte and
// with random bytes changed: a refusal has a printable text, and what is taken can be written
// again.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/archive_line.h"
#include "archive/npy_file.h"
#include "base/file.h"
#include "base/memory.h"

enum { PATH_SIZE = 1024, CASE_SIZE_MAX = 200 * 1000, MUTATIONS = 2000 };

// What the lines of the suite are read against.
static const struct archive_manifest manifest = {
    .space_count = 3,
    .spaces = {{.space = {.embedding_model = "space", .width = 4, .count = 10}},
               {.space = {.embedding_model = "second", .width = 8, .count = 2}},
               {.space = {.embedding_model = "empty", .width = 8}}},
};

static bool read_line(const char *bytes, size_t size, struct error *err) {
    struct image_record record, again;
    size_t rows[STORE_SPACES_MAX], rows_again[STORE_SPACES_MAX];
    if (!archive_line_read(bytes, size, &manifest, &record, rows, err)) return false;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ARCHIVE_LINE_MAX);
    struct error problem = {0};
    if (!archive_line_append(&buffer, &record, &manifest, rows, &problem) ||
        !archive_line_read(buffer.bytes, buffer.size - 1, &manifest, &again, rows_again, &problem))
        fail_msg("%s", problem.text);
    assert_memory_equal(&record, &again, sizeof record);
    assert_memory_equal(rows, rows_again, manifest.space_count * sizeof *rows);
    byte_buffer_clear(&buffer);
    return true;
}

static bool read_array(const char *bytes, size_t size, struct error *err) {
    size_t offset, rows, columns;
    if (!npy_header_read((const unsigned char *)bytes, size, &offset, &rows, &columns, err))
        return false;
    assert_true(offset <= size && rows * columns * 4 == size - offset);
    return true;
}

static bool read_manifest(const char *bytes, size_t size, struct error *err) {
    struct archive_manifest found, again;
    if (!archive_manifest_read(bytes, size, &found, err)) return false;
    char *text = archive_manifest_write(&found, err);
    assert_non_null(text);
    assert_true(archive_manifest_read(text, strlen(text), &again, err));
    assert_memory_equal(&found, &again, sizeof found);
    memory_free(text);
    return true;
}

static const struct kind {
    const char *ending;
    bool (*read)(const char *bytes, size_t size, struct error *err);
    size_t min_valid, min_refused;
} kinds[] = {
    {".line", read_line, 12, 80}, {".npy", read_array, 4, 34}, {".manifest", read_manifest, 4, 40}};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static void suite_path(const char *name, const char *ending, char path[static PATH_SIZE]) {
    (void)snprintf(path, PATH_SIZE, "%s/suites/import/%s%s", getenv("IMGROUTER_TEST_DATA"), name,
                   ending);
}

static char *case_copy(const char *name, const char *ending, size_t *size) {
    char path[PATH_SIZE];
    suite_path(name, ending, path);
    char *bytes = file_read_create(path, CASE_SIZE_MAX, size, NULL);
    if (bytes == NULL) fail_msg("%s is not there", path);
    // Of its own size, so that AddressSanitizer sees what reads beyond the end.
    char *exact = memory_try(*size > 0 ? *size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, *size);
    memory_free(bytes);
    return exact;
}

// False: refused, in words that a terminal can show.
static bool is_taken(const struct kind *kind, const char *bytes, size_t size, struct error *err) {
    *err = (struct error){0};
    bool is_done = kind->read(bytes, size, err);
    assert_int_equal(is_done, err->kind == ERROR_NONE);
    assert_true(is_done || (err->kind == ERROR_INVALID && err->text[0] != '\0'));
    for (const char *c = err->text; *c != '\0'; c++) assert_true((unsigned char)*c >= ' ');
    return is_done;
}

static void check_case(const struct kind *kind, const char *name, bool is_valid) {
    size_t size, wanted_size;
    struct error err;
    char *bytes = case_copy(name, kind->ending, &size);
    bool is_done = is_taken(kind, bytes, size, &err);
    if (is_valid != is_done) fail_msg("%s: %s", name, is_done ? "was taken" : err.text);
    if (!is_valid) {
        char path[PATH_SIZE];
        suite_path(name, ".error", path);
        char *wanted = file_read_create(path, CASE_SIZE_MAX, &wanted_size, NULL);
        assert_non_null(wanted);
        wanted[strcspn(wanted, "\n")] = '\0';
        if (strstr(err.text, wanted) == NULL)
            fail_msg("%s: said \"%s\", wanted \"%s\"", name, err.text, wanted);
        memory_free(wanted);
    }
    memory_free(bytes);
}

// Every prefix of what is valid, but for blanks after it, is not.
static void check_changes(const struct kind *kind, const char *name) {
    size_t size;
    struct error err;
    char *bytes = case_copy(name, kind->ending, &size);
    for (size_t length = 0; length < size; length++) {
        char *cut = memory_try(length + 1);
        assert_non_null(cut);
        memcpy(cut, bytes, length);
        bool is_done = is_taken(kind, cut, length, &err);
        size_t blanks = 0;
        while (length + blanks < size && strchr(" \t\n", bytes[length + blanks]) != NULL) blanks++;
        if (is_done && length + blanks < size)
            fail_msg("%s was taken with %zu bytes", name, length);
        memory_free(cut);
    }
    char *changed = memory_try(size + 1);
    assert_non_null(changed);
    uint64_t random = 88172645463325252u;  // xorshift64's usual seed
    for (int round = 0; round < MUTATIONS && size > 0; round++) {
        memcpy(changed, bytes, size);
        for (int change = 0; change <= round % 3; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            changed[random % size] = (char)(random >> 32);
        }
        (void)is_taken(kind, changed, size, &err);
    }
    memory_free(changed);
    memory_free(bytes);
}

// Calls `check` for every case of this kind with this ending; returns how many.
static size_t for_each_case(const struct kind *kind, bool is_valid, bool is_changing) {
    char folder[PATH_SIZE];
    suite_path("", "", folder);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char name[PATH_SIZE], verdict[PATH_SIZE];
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, kind->ending) != 0) continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)(dot - entry->d_name), entry->d_name);
        suite_path(name, is_valid ? ".ok" : ".error", verdict);
        if (!file_exists(verdict)) continue;
        count++;
        if (is_changing)
            check_changes(kind, name);
        else
            check_case(kind, name, is_valid);
    }
    (void)closedir(entries);
    return count;
}

static void the_malformed_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++)
        assert_true(for_each_case(&kinds[i], false, false) >= kinds[i].min_refused);
}

static void the_valid_are_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++)
        assert_true(for_each_case(&kinds[i], true, false) >= kinds[i].min_valid);
}

static void changed_ones_do_no_harm(void **state) {
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) for_each_case(&kinds[i], true, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_malformed_are_refused),
        cmocka_unit_test(the_valid_are_taken),
        cmocka_unit_test(changed_ones_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
