#include "picture_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka.h needs the four above.
#include <cmocka.h>

#include "base/file.h"

enum { TEST_FILE_BYTES_MAX = 1 << 20 };

void picture_file_path(char path[static PICTURE_PATH_SIZE], const char *folder, const char *name) {
    const char *tests = getenv("IMGROUTER_TEST_DATA");
    if (tests == NULL) fail_msg("IMGROUTER_TEST_DATA must name the folder tests/");
    int length = snprintf(path, PICTURE_PATH_SIZE, "%s/%s%s%s", tests, folder,
                          name != NULL ? "/" : "", name != NULL ? name : "");
    assert_in_range(length, 1, PICTURE_PATH_SIZE - 1);
}

uint8_t *picture_file_read(const char *folder, const char *name, size_t *size) {
    char path[PICTURE_PATH_SIZE];
    picture_file_path(path, folder, name);
    struct error err = {0};
    uint8_t *bytes = (uint8_t *)file_read_create(path, TEST_FILE_BYTES_MAX, size, &err);
    if (bytes == NULL) fail_msg("%s: %s", path, err.text);
    return bytes;
}
