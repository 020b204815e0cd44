// Which weight file a packed cache was made from. A stamp is what the file system tells; when it
// is unchanged the file is taken to be unchanged. When it is not, the hash of the bytes decides.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { SOURCE_HASH_SIZE = 16 };  // XXH3-128, canonical

struct source_stamp {
    uint64_t device, inode, size_bytes;
    int64_t modified_ns, changed_ns;  // mtime and ctime; a change of either alone counts
};

// Links are followed. Errors: ERROR_NOT_FOUND, ERROR_STORAGE, ERROR_INVALID (no regular file).
bool source_stamp_read(struct source_stamp *stamp, const char *path, struct error *err);
bool source_stamp_is_same(const struct source_stamp *a, const struct source_stamp *b);
// Reads the whole file. ERROR_CONFLICT when it is not, or does not stay, the stamped one.
bool source_hash_read(uint8_t hash[static SOURCE_HASH_SIZE], const struct source_stamp *stamp,
                      const char *path, struct error *err);
