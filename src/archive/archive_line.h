// One line of images.jsonl: a JSON object with every field of the record, "tags" as an array,
// "perceptual_hash" as 16 hex digits or null, "receipt" as an object, null or absent, and
// "vectors": for each space that the image has a vector in, the row of the space's file. "sha256"
// is empty for an image whose original was never here, as those of the original service's database.
#pragma once

#include <stdint.h>

#include "archive/archive_manifest.h"
#include "base/byte_buffer.h"
#include "store/store.h"

enum {
    // All texts of a record, each byte escaped to six, and the rows of all spaces.
    ARCHIVE_LINE_MAX = 64 * 1024,
};

#define ARCHIVE_NO_ROW SIZE_MAX

// Appends the line with its end. `rows` has one for each space of the manifest, or ARCHIVE_NO_ROW.
bool archive_line_append(struct byte_buffer *buffer, const struct image_record *record,
                         const struct archive_manifest *manifest, const size_t *rows,
                         struct error *err);
// Reads a line, without its end, from outside. ERROR_INVALID: what is not right.
bool archive_line_read(const char *line, size_t size, const struct archive_manifest *manifest,
                       struct image_record *record, size_t *rows, struct error *err);
