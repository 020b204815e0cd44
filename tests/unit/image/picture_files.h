// Test pictures under tests/, found by the environment variable IMGROUTER_TEST_DATA.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { PICTURE_PATH_SIZE = 1024 };

// "<tests>/<folder>/<name>"; `name` may be NULL for the folder itself.
void picture_file_path(char path[static PICTURE_PATH_SIZE], const char *folder, const char *name);
// Fails the running test when the file cannot be read; the caller frees with memory_free.
uint8_t *picture_file_read(const char *folder, const char *name, size_t *size);
