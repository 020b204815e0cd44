// Weight files for tests: those of tests/suites, and temporary ones.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "weights/weights.h"

enum { PATH_SIZE = 1024 };

void suite_path(char path[PATH_SIZE], const char *suite, const char *file);
// The whole file, ended by NUL; the caller frees with memory_free.
char *suite_file_copy(const char *suite, const char *file, size_t *size);

// A file of this process; the next call replaces it, temporary_file_remove ends it.
const char *temporary_file_write(const void *bytes, size_t size);
void temporary_file_remove(void);

// A safetensors file of this header and so many bytes 0, 1, 2, … after it.
const char *temporary_safetensors_write(const char *header, size_t data_size);

// Reads every byte of every tensor and finds each by its name; the sum of the bytes.
size_t weights_touch_all(const struct weights *weights);
