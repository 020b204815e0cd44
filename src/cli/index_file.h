// A file on its way into the index: is it a picture, and its bytes.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "store/index_ledger.h"

enum index_file_kind {
    INDEX_FILE_PICTURE,  // by its first bytes, whatever its name
    INDEX_FILE_OTHER,    // not a picture, and it does not say so
    INDEX_FILE_BAD,      // it cannot be taken; *reason says why
    INDEX_FILE_GONE,     // it is not there (any more)
};

// Reads entry->path, and sets its size and time to those of what was read. Of a picture the caller
// frees *bytes with memory_free. A name decides nothing but whether a file without a picture in it
// is worth a word: an empty photo.jpg is bad, an empty notes.txt is other.
enum index_file_kind index_file_read(struct ledger_entry *entry, size_t max_bytes, char **bytes,
                                     size_t *size, struct error *reason);
