// Images as JSON: the object that every endpoint shows for a stored image.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "api/problem.h"
#include "engine/model_source.h"
#include "service/reindex.h"
#include "store/store.h"

// NULL when memory is out.
json_t *image_json_create(const struct image_record *record);

// Where a picture comes from, by its file's name or its address. NULL when memory is out.
json_t *source_json_create(enum image_source source, const char *url, const char *file_name);

// The id in the request's path. ERROR_NOT_FOUND for what cannot be an id: no such image exists.
const char *image_id_read(const struct http_request *request, struct problem *problem);
bool image_id_is_whole(const char *id);  // 16 hexadecimal digits
bool image_id_check(const char *id, struct problem *problem);

// Adds "notice", a sentence for people, unless nothing needs saying. MODEL_FULL for what the answer
// does not show.
void notice_add(json_t *answer, enum model_source captions, enum model_source vectors, bool is_cut);
// Adds to "notice" how many pictures the space that searches use lacks, where it lacks some.
void missing_notice_add(json_t *answer, const struct reindex_progress *progress);
void record_notice_add(json_t *answer, const struct image_record *record);
