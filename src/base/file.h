// Whole files: read with a ceiling, write so that a reader sees the old bytes or the new ones and
// never a part (temporary file, fsync, rename, fsync of the folder), map read-only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

// The bytes are followed by a NUL that *size does not count; the caller frees with memory_free.
// Errors: ERROR_NOT_FOUND, ERROR_TOO_LARGE (over max_size), ERROR_STORAGE.
char *file_read_create(const char *path, size_t max_size, size_t *size, struct error *err);

// After true the bytes survive a power cut. fsync is never retried: a failure removes the
// temporary file and reports ERROR_STORAGE.
bool file_write_atomic(const char *path, const void *bytes, size_t size, struct error *err);

// mkdir -p, with mode 0700 for what it makes.
bool folder_create(const char *path, struct error *err);
bool folder_sync(const char *path, struct error *err);
bool file_exists(const char *path);  // a regular file that we can read, links followed

// A file mapped read-only. The mapping is private to us but shows later changes of the file:
// model files are replaced by rename, never rewritten in place.
struct mapped_file {
    const unsigned char *bytes;  // NULL for an empty file
    size_t size;
};
bool mapped_file_open(struct mapped_file *file, const char *path, struct error *err);
void mapped_file_close(struct mapped_file *file);
// Tells the kernel that this part has been copied, so that its pages stop counting as ours.
void mapped_file_forget(const struct mapped_file *file, size_t offset, size_t size);
