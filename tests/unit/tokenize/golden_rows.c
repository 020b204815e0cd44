#include "golden_rows.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

enum { MAX_FILE = 8 << 20 };

static char temporary_path[PATH_SIZE];

void data_path(char path[PATH_SIZE], const char *folder, const char *file) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, PATH_SIZE, "%s/%s/%s", data == NULL ? "tests" : data, folder, file);
}

static void unescape(char *text) {
    char *written = text;
    while (*text != '\0') {
        if (text[0] == '\\' && text[1] == 'x') {
            char digits[3] = {text[2], text[3], '\0'};
            *written++ = (char)strtol(digits, NULL, 16);
            text += 4;
        } else {
            *written++ = *text++;
        }
    }
    *written = '\0';
}

size_t for_each_row(const char *file, void (*function)(void *context, char *first, char *second),
                    void *context) {
    char path[PATH_SIZE];
    size_t size, count = 0;
    struct error err = {0};
    data_path(path, "golden/tokenize", file);
    char *text = file_read_create(path, MAX_FILE, &size, &err);
    if (text == NULL) fail_msg("%s", err.text);
    for (char *row = text, *end; (end = strchr(row, '\n')) != NULL; row = end + 1, count++) {
        *end = '\0';
        char *tab = strchr(row, '\t');
        assert_non_null(tab);
        *tab = '\0';
        unescape(row);
        unescape(tab + 1);
        function(context, row, tab + 1);
    }
    memory_free(text);
    return count;
}

size_t parse_ids(const char *text, int32_t *ids, size_t capacity) {
    size_t count = 0;
    while (*text != '\0') {
        char *end;
        assert_true(count < capacity);
        ids[count++] = (int32_t)strtol(text, &end, 10);
        assert_true(end > text);
        text = *end == ' ' ? end + 1 : end;
    }
    return count;
}

void assert_ids_equal(const char *what, const int32_t *found, size_t found_count,
                      const int32_t *wanted, size_t wanted_count) {
    for (size_t i = 0; i < found_count && i < wanted_count; i++) {
        if (found[i] != wanted[i])
            fail_msg("\"%s\": id number %zu is %d, wanted %d", what, i, found[i], wanted[i]);
    }
    if (found_count != wanted_count)
        fail_msg("\"%s\": %zu ids, wanted %zu", what, found_count, wanted_count);
}

size_t check_suite(const char *suite, bool (*load)(const char *folder, struct error *err)) {
    char suite_folder[PATH_SIZE], folder[2 * PATH_SIZE], path[3 * PATH_SIZE];
    size_t count = 0;
    data_path(suite_folder, "suites", suite);
    DIR *cases = opendir(suite_folder);
    assert_non_null(cases);
    for (struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(folder, sizeof folder, "%s/%s", suite_folder, entry->d_name);
        (void)snprintf(path, sizeof path, "%s/error", folder);
        size_t size;
        char *wanted = file_read_create(path, PATH_SIZE, &size, NULL);
        assert_non_null(wanted);
        wanted[strcspn(wanted, "\n")] = '\0';
        struct error err = {0};
        bool is_loaded = load(folder, &err);
        if (is_loaded != (wanted[0] == '\0') || strstr(err.text, wanted) == NULL ||
            (!is_loaded && strstr(err.text, entry->d_name) == NULL))
            fail_msg("%s: said \"%s\", wanted \"%s\"", folder, err.text, wanted);
        memory_free(wanted);
        count++;
    }
    (void)closedir(cases);
    return count;
}

const char *temporary_file_write(const void *bytes, size_t size) {
    const char *folder = getenv("TMPDIR");
    (void)snprintf(temporary_path, sizeof temporary_path, "%s/imgrouter-tokenize-%d",
                   folder == NULL ? "/tmp" : folder, (int)getpid());
    (void)unlink(temporary_path);
    FILE *file = fopen(temporary_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return temporary_path;
}

void temporary_file_remove(void) { (void)unlink(temporary_path); }
