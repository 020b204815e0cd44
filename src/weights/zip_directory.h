// A strict reader of zip archives whose entries are stored, not compressed, as torch.save writes
// them. Why not libzip: the weights must stay mapped where they lie, so all we need are the places
// of the entries, checked, and that is less code than bending a general library to refuse the rest.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct zip_entry {
    const char *name;  // borrowed from the archive, not ended by NUL
    size_t name_size;
    size_t header_offset;  // of the local header, where the entry's part of the file begins
    size_t offset, size;   // of its data; inside the file, shared with no other entry
    uint32_t crc32;
};

struct zip_directory {
    struct zip_entry *entries;  // sorted by name
    size_t count;
};

// `bytes` is the whole archive and must outlive the directory. Refused: compression, encryption,
// archives in parts, a comment at the end, entries that overlap or share a name.
bool zip_directory_read(struct zip_directory *directory, const unsigned char *bytes, size_t size,
                        struct error *err);
void zip_directory_clear(struct zip_directory *directory);
const struct zip_entry *zip_directory_find(const struct zip_directory *directory, const char *name,
                                           size_t name_size);  // or NULL
