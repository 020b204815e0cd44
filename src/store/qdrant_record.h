// Between struct image_record and what Qdrant keeps of it: a point's id and its payload.
//
// Payload of an image: every field of the record by its name, except: tags is an array, source is
// "upload" or "url", perceptual_hash is 16 hex digits or absent, receipt is as receipt_write has
// it. Beside them, for filters, words and caption_words: those of caption, file name and tags, and
// of the caption alone (words.h).
#pragma once

#include <jansson.h>

#include "store/store.h"

enum { POINT_ID_SIZE = 37 };  // a UUID as text, with NUL

// A UUID that follows from an image's id: its 16 hex digits, each taken from 15, with the bits of
// version 8 (RFC 9562: free for our own use) between them. Qdrant walks points in the order of
// their ids: so the image with the greatest id comes first. false when it is no image's id.
bool point_id_from_image(const char *id, char point_id[static POINT_ID_SIZE]);
// The image's id again; false when the UUID is none of ours.
bool point_id_to_image(const char *point_id, char id[static IMAGE_ID_SIZE]);

// All of these are NULL when out of memory; the caller releases them.
json_t *payload_create(const struct image_record *record);
// The part of a payload that filters look at. It stands with the vectors too.
json_t *payload_create_filterable(const struct image_record *record);
// The fields of a payload that an image_change may touch, of the record after it.
json_t *payload_create_changed(const struct image_record *record);
// The whole payload without what only filters need: for "with_payload".
json_t *payload_selection_of_record(void);

// What is absent or of another type stays empty or 0; texts too long for their fields are cut.
void payload_read(const json_t *payload, struct image_record *record);

// The vector "hash" of a perceptual hash: 64 numbers 0 or 1.
json_t *hash_to_json(uint64_t perceptual_hash);
// What a vector is in JSON, and back; false when it is not an array of `width` numbers.
json_t *vector_to_json(const float *vector, size_t width);
bool vector_from_json(const json_t *json, float *vector, size_t width);
