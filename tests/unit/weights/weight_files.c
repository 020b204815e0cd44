#include "weight_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

enum { MAX_SUITE_FILE = 1 << 20 };

static char temporary_path[PATH_SIZE];

void suite_path(char path[PATH_SIZE], const char *suite, const char *file) {
    const char *data = getenv("IMGROUTER_TEST_DATA");
    (void)snprintf(path, PATH_SIZE, "%s/suites/%s/%s", data == NULL ? "tests" : data, suite, file);
}

char *suite_file_copy(const char *suite, const char *file, size_t *size) {
    char path[PATH_SIZE];
    suite_path(path, suite, file);
    struct error err = {0};
    char *bytes = file_read_create(path, MAX_SUITE_FILE, size, &err);
    if (bytes == NULL) fail_msg("%s", err.text);
    return bytes;
}

const char *temporary_file_write(const void *bytes, size_t size) {
    const char *folder = getenv("TMPDIR");
    (void)snprintf(temporary_path, sizeof temporary_path, "%s/imgrouter-weights-%d",
                   folder == NULL ? "/tmp" : folder, (int)getpid());
    (void)unlink(temporary_path);  // file systems flush a file that is cut and written again: slow
    FILE *file = fopen(temporary_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return temporary_path;
}

void temporary_file_remove(void) { (void)unlink(temporary_path); }

const char *temporary_safetensors_write(const char *header, size_t data_size) {
    uint64_t header_size = strlen(header);
    size_t size = sizeof header_size + (size_t)header_size + data_size;
    unsigned char *bytes = memory_try(size);
    assert_non_null(bytes);
    memcpy(bytes, &header_size, sizeof header_size);
    memcpy(bytes + sizeof header_size, header, (size_t)header_size);
    for (size_t i = 0; i < data_size; i++) bytes[size - data_size + i] = (unsigned char)i;
    const char *path = temporary_file_write(bytes, size);
    memory_free(bytes);
    return path;
}

size_t weights_touch_all(const struct weights *weights) {
    size_t sum = 0;
    for (size_t i = 0; i < weights_count(weights); i++) {
        const struct tensor *tensor = weights_at(weights, i);
        assert_ptr_equal(weights_find(weights, tensor->name), tensor);
        for (size_t k = 0; k < tensor->size_bytes; k++) sum += tensor->data[k];
    }
    return sum;
}
