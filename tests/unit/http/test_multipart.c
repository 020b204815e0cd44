// The form reader over tests/suites/multipart: a case's first line is the Content-Type, the rest
// the body. accepted/X goes with accepted/X.parts, one line "name|file name|type|size" a part.
// Every prefix of an accepted body must be refused or read without harm, as must every allocation
// that fails.
#define _GNU_SOURCE  // memmem

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/byte_buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "http/multipart.h"

enum { CASE_MAX = 1024 * 1024, PATH_SIZE = 1024 };

struct suite_case {
    char *file;
    const char *content_type;
    const unsigned char *body;
    size_t body_size;
};

static void suite_path(char path[static PATH_SIZE], const char *folder, const char *name) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, PATH_SIZE, "%s/suites/multipart/%s/%s", data == NULL ? "tests" : data,
                   folder, name);
}

static char *suite_read(const char *folder, const char *name, size_t *size) {
    char path[PATH_SIZE];
    suite_path(path, folder, name);
    struct error err = {0};
    char *bytes = file_read_create(path, CASE_MAX, size, &err);
    if (bytes == NULL) fail_msg("%s", err.text);
    return bytes;
}

static void case_read(struct suite_case *one, const char *folder, const char *name) {
    size_t size;
    one->file = suite_read(folder, name, &size);
    char *line_end = memchr(one->file, '\n', size);
    assert_non_null(line_end);
    *line_end = '\0';
    one->content_type = one->file;
    one->body = (const unsigned char *)line_end + 1;
    one->body_size = size - (size_t)(line_end + 1 - one->file);
}

// Calls `check` for each case of a folder; returns their number.
static size_t for_each_case(const char *folder, void (*check)(const char *name)) {
    char path[PATH_SIZE];
    suite_path(path, folder, "");
    DIR *directory = opendir(path);
    if (directory == NULL) fail_msg("no folder %s", path);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.' || strstr(entry->d_name, ".parts") != NULL) continue;
        check(entry->d_name);
        count++;
    }
    (void)closedir(directory);
    return count;
}

static char *describe(const struct multipart_form *form) {
    struct byte_buffer text;
    byte_buffer_init(&text, CASE_MAX);
    for (size_t i = 0; i < form->part_count; i++) {
        const struct http_part *part = &form->parts[i];
        byte_buffer_append_format(
            &text, "%s|%s|%s|%zu\n", part->name, part->file_name == NULL ? "-" : part->file_name,
            part->content_type == NULL ? "-" : part->content_type, part->size);
    }
    size_t size;
    char *bytes = byte_buffer_take(&text, &size);
    return bytes == NULL ? memory_copy_text("") : bytes;
}

static void check_accepted(const char *name) {
    struct suite_case one;
    case_read(&one, "accepted", name);
    struct multipart_form form;
    struct error err = {0};
    if (!multipart_parse(&form, one.content_type, one.body, one.body_size, &err))
        fail_msg("accepted/%s: %s", name, err.text);
    char parts_name[PATH_SIZE];
    (void)snprintf(parts_name, sizeof parts_name, "%s.parts", name);
    size_t wanted_size;
    char *wanted = suite_read("accepted", parts_name, &wanted_size);
    char *given = describe(&form);
    if (strcmp(given, wanted) != 0)
        fail_msg("accepted/%s: expected\n%sgot\n%s", name, wanted, given);
    memory_free(given);
    memory_free(wanted);
    multipart_form_clear(&form);
    memory_free(one.file);
}

static void check_refused(const char *name) {
    struct suite_case one;
    case_read(&one, "refused", name);
    struct multipart_form form;
    struct error err = {0};
    if (multipart_parse(&form, one.content_type, one.body, one.body_size, &err))
        fail_msg("refused/%s was accepted", name);
    bool is_limit = strstr(name, "eighty_one") != NULL || strstr(name, "headers_over") != NULL ||
                    strstr(name, "megabyte") != NULL;
    assert_int_equal(err.kind, is_limit ? ERROR_TOO_LARGE : ERROR_BAD_REQUEST);
    assert_int_equal(form.part_count, 0);
    assert_true(strlen(err.text) > 10);
    memory_free(one.file);
}

static void test_accepted(void **state) {
    (void)state;
    assert_true(for_each_case("accepted", check_accepted) >= 25);
}

static void test_refused(void **state) {
    (void)state;
    assert_true(for_each_case("refused", check_refused) >= 50);
}

// Only a prefix that holds the whole close delimiter may pass.
static void check_prefixes(const char *name) {
    struct suite_case one;
    case_read(&one, "accepted", name);
    for (size_t size = 0; size < one.body_size; size++) {
        // A copy of exactly this size, so that AddressSanitizer sees each read beyond it.
        unsigned char *copy = memory_try(size);
        memcpy(copy, one.body, size);
        struct multipart_form form;
        struct error err = {0};
        if (multipart_parse(&form, one.content_type, copy, size, &err)) {
            if (memmem(copy, size, "--", 2) == NULL) fail_msg("%s cut to %zu passed", name, size);
            multipart_form_clear(&form);
        } else {
            assert_int_not_equal(err.kind, ERROR_NONE);
        }
        memory_free(copy);
    }
    memory_free(one.file);
}

static void test_prefixes(void **state) {
    (void)state;
    for_each_case("accepted", check_prefixes);
    // Up to the close delimiter's last byte nothing of this one may pass.
    struct suite_case one;
    case_read(&one, "accepted", "one_file");
    for (size_t size = 0; size + 3 <= one.body_size; size++) {
        struct multipart_form form;
        struct error err = {0};
        assert_false(multipart_parse(&form, one.content_type, one.body, size, &err));
        assert_int_equal(err.kind, ERROR_BAD_REQUEST);
    }
    memory_free(one.file);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct suite_case one;
    case_read(&one, "accepted", "header_case_and_blanks");
    for (long nth = 1;; nth++) {
        struct multipart_form form;
        struct error err = {0};
        memory_fail_nth(nth, false);
        bool is_done = multipart_parse(&form, one.content_type, one.body, one.body_size, &err);
        memory_fail_nth(0, false);
        if (is_done) {
            multipart_form_clear(&form);
            assert_true(nth > 3);  // name, file name, type
            break;
        }
        assert_int_equal(err.kind, ERROR_OVERLOADED);
        assert_int_equal(form.part_count, 0);
    }
    memory_free(one.file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
