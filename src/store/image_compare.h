// Whether two stores hold the same of an image.
#pragma once

#include "base/sha256.h"
#include "store/image_pages.h"

// Every field; of confidence and clip_score all but the last bits, of the receipt what a store
// keeps.
bool image_record_is_same(const struct image_record *a, const struct image_record *b);

enum vector_likeness {
    VECTORS_DIFFER,
    VECTORS_ROUND,  // the same direction, but for the rounding of a store that makes them unit long
    VECTORS_EQUAL,  // every bit
};
enum vector_likeness vector_compare(const float *a, const float *b, size_t width);

// A SHA-256 over images: all fields and the bits of all vectors, whatever store they are read from
// (confidence and clip_score as floats, which is what models give).
// False: OpenSSL failed.
bool image_checksum_add(struct sha256_stream *stream, const struct image_page *page, size_t index);
