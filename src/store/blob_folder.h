// The original bytes of the pictures, as files named by their SHA-256: DIR/ab/abcdef…. A file is
// complete and synced under its name or not there at all. `name` is the SHA-256 in lower-case hex;
// anything else is refused, so it can never be a path. Any thread.
#pragma once

#include <stddef.h>

#include "base/error.h"

struct blob_folder;

struct blob_folder *blob_folder_create(const char *path, struct error *err);
// The same, only to look: nothing is made or written there, and the folder need not exist.
struct blob_folder *blob_folder_create_reader(const char *path, struct error *err);
void blob_folder_destroy(struct blob_folder *blobs);
// Durable when true. Putting what is there already is true at once.
bool blob_folder_put(struct blob_folder *blobs, const char *name, const void *bytes, size_t size,
                     struct error *err);
// Caller frees with memory_free. ERROR_NOT_FOUND, ERROR_STORAGE (also when the content does not
// have this hash any more).
char *blob_folder_get(const struct blob_folder *blobs, const char *name, size_t max_size,
                      size_t *size, struct error *err);
bool blob_folder_remove(struct blob_folder *blobs, const char *name, struct error *err);

// Copies a picture of `size` bytes to another folder, where it is durable when true. Lost: it is
// not in the first folder any more, or has changed there; that is no error. What is there already
// is only looked at for its size.
enum blob_copied { BLOB_COPIED, BLOB_WAS_THERE, BLOB_LOST };
bool blob_folder_copy(const struct blob_folder *from, struct blob_folder *to, const char *name,
                      size_t size, enum blob_copied *outcome, struct error *err);
