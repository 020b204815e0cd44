// tests/suites/safetensors and tests/suites/torch_zip: <case>.error is a part of the sentence that
// must refuse the file beside it, <case>.ok lists its tensors. Then the valid ones again, cut short
// at every byte and with random bytes changed: whatever comes of it, nothing is read outside the
// file (AddressSanitizer watches) and a refusal has a text.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "weight_files.h"

enum {
    FILE_MUTATIONS = 400,  // of every valid file
    PICKLE_MUTATIONS = 12000,
    MAX_CUT_FILE = 4000,
    LISTING_SIZE = 1 << 20
};

static const struct suite {
    const char *folder, *ending;
    size_t min_refused, min_valid;
} suites[] = {{"safetensors", ".safetensors", 60, 12}, {"torch_zip", ".bin", 120, 11}};
enum { SUITE_COUNT = sizeof suites / sizeof *suites };

typedef void case_function(const struct suite *suite, const char *name);

// Calls the function for every case that has a file with this ending; returns how many.
static size_t for_each_case(const struct suite *suite, const char *ending,
                            case_function *function) {
    char folder[PATH_SIZE];
    suite_path(folder, suite->folder, "");
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length <= strlen(ending) ||
            strcmp(entry->d_name + length - strlen(ending), ending) != 0)
            continue;
        char name[PATH_SIZE];
        (void)snprintf(name, sizeof name, "%.*s", (int)(length - strlen(ending)), entry->d_name);
        function(suite, name);
        count++;
    }
    (void)closedir(entries);
    return count;
}

static void case_path(char path[PATH_SIZE], const struct suite *suite, const char *name) {
    char file[PATH_SIZE];
    (void)snprintf(file, sizeof file, "%s%s", name, suite->ending);
    suite_path(path, suite->folder, file);
}

static char *expectation_copy(const struct suite *suite, const char *name, const char *ending) {
    char file[PATH_SIZE];
    size_t size;
    (void)snprintf(file, sizeof file, "%s%s", name, ending);
    return suite_file_copy(suite->folder, file, &size);
}

static void check_refused(const struct suite *suite, const char *name) {
    char path[PATH_SIZE];
    struct error err = {0};
    char *wanted = expectation_copy(suite, name, ".error");
    wanted[strcspn(wanted, "\n")] = '\0';
    case_path(path, suite, name);
    struct weights *weights = weights_open(path, &err);
    if (weights != NULL || strstr(err.text, wanted) == NULL || strstr(err.text, name) == NULL)
        fail_msg("%s: said \"%s\", wanted \"%s\"", path, err.text, wanted);
    for (const char *c = err.text; *c != '\0'; c++) assert_true(*c >= ' ' && *c <= '~');
    memory_free(wanted);
}

static void check_valid(const struct suite *suite, const char *name) {
    char path[PATH_SIZE];
    struct error err = {0};
    struct byte_buffer listing;
    byte_buffer_init(&listing, LISTING_SIZE);
    byte_buffer_append_text(&listing, "");
    case_path(path, suite, name);
    struct weights *weights = weights_open(path, &err);
    if (weights == NULL) fail_msg("%s", err.text);
    weights_touch_all(weights);
    for (size_t i = 0; i < weights_count(weights); i++) {
        const struct tensor *tensor = weights_at(weights, i);
        byte_buffer_append_format(&listing, "%s %s [", tensor->name,
                                  tensor_type_name(tensor->type));
        for (int k = 0; k < tensor->rank; k++)
            byte_buffer_append_format(&listing, "%s%zu", k > 0 ? ", " : "", tensor->shape[k]);
        byte_buffer_append_text(&listing, tensor->size_bytes > 0 ? "] " : "]");
        for (size_t k = 0; k < tensor->size_bytes; k++)
            byte_buffer_append_format(&listing, "%02x", tensor->data[k]);
        byte_buffer_append_text(&listing, "\n");
    }
    char *wanted = expectation_copy(suite, name, ".ok");
    assert_string_equal(listing.bytes, wanted);
    memory_free(wanted);
    byte_buffer_clear(&listing);
    weights_close(weights);
}

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < SUITE_COUNT; i++)
        assert_true(for_each_case(&suites[i], ".error", check_refused) >= suites[i].min_refused);
}

static void test_valid(void **state) {
    (void)state;
    for (size_t i = 0; i < SUITE_COUNT; i++)
        assert_true(for_each_case(&suites[i], ".ok", check_valid) >= suites[i].min_valid);
}

// Opens these bytes as a file; true when they were accepted.
static bool open_bytes(const void *bytes, size_t size) {
    struct error err = {0};
    struct weights *weights = weights_open(temporary_file_write(bytes, size), &err);
    assert_int_equal(weights == NULL, err.kind != ERROR_NONE);
    if (weights == NULL) {
        assert_true(err.text[0] != '\0');
        assert_int_not_equal(err.kind, ERROR_INTERNAL);
        return false;
    }
    weights_touch_all(weights);
    weights_close(weights);
    return true;
}

static char *case_copy(const struct suite *suite, const char *name, size_t *size) {
    char file[PATH_SIZE];
    (void)snprintf(file, sizeof file, "%s%s", name, suite->ending);
    return suite_file_copy(suite->folder, file, size);
}

static void check_cuts(const struct suite *suite, const char *name) {
    size_t size;
    char *bytes = case_copy(suite, name, &size);
    for (size_t length = 0; length < size && size <= MAX_CUT_FILE; length++) {
        if (open_bytes(bytes, length)) fail_msg("%s was accepted with %zu bytes", name, length);
    }
    memory_free(bytes);
}

static void check_mutations(const struct suite *suite, const char *name) {
    size_t size;
    char *bytes = case_copy(suite, name, &size);
    char *changed = memory_try(size);
    assert_non_null(changed);
    uint64_t random = 88172645463325252u;  // xorshift64's usual seed
    for (int round = 0; round < FILE_MUTATIONS; round++) {
        memcpy(changed, bytes, size);
        for (int change = 0; change <= round % 4; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            changed[random % size] = (char)(random >> 32);
        }
        (void)open_bytes(changed, size);
    }
    memory_free(changed);
    memory_free(bytes);
}

static void test_files_cut_short(void **state) {
    (void)state;
    for (size_t i = 0; i < SUITE_COUNT; i++) for_each_case(&suites[i], ".ok", check_cuts);
    temporary_file_remove();
}

static void test_random_changes(void **state) {
    (void)state;
    for (size_t i = 0; i < SUITE_COUNT; i++) for_each_case(&suites[i], ".ok", check_mutations);
    temporary_file_remove();
}

// data.pkl has a checksum, which random changes would never get past: recomputed here through the
// directory's entry of it, which names its place in the file.
static void test_random_pickles(void **state) {
    (void)state;
    size_t size, opened = 0;
    char *bytes = suite_file_copy("torch_zip", "valid_by_hand.bin", &size);
    char *changed = memory_try(size);
    assert_non_null(changed);
    const size_t pickle_offset = 30 + strlen("archive/data.pkl");  // local header and name
    uint32_t pickle_size;
    memcpy(&pickle_size, bytes + 22, sizeof pickle_size);
    size_t directory = size - 22;
    while (memcmp(bytes + directory, "PK\x01\x02", 4) != 0 ||
           memcmp(bytes + directory + 46, "archive/data.pkl", 16) != 0)
        directory--;
    uint64_t random = 88172645463325252u;
    for (int round = 0; round < PICKLE_MUTATIONS; round++) {
        memcpy(changed, bytes, size);
        for (int change = 0; change <= round % 3; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            changed[pickle_offset + random % pickle_size] = (char)(random >> 32);
        }
        uint32_t crc = (uint32_t)crc32(0, (const Bytef *)changed + pickle_offset, pickle_size);
        memcpy(changed + directory + 16, &crc, sizeof crc);
        opened += open_bytes(changed, size);
    }
    assert_true(opened > 0 && opened < PICKLE_MUTATIONS);
    memory_free(changed);
    memory_free(bytes);
    temporary_file_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_valid),
        cmocka_unit_test(test_files_cut_short), cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_random_pickles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
