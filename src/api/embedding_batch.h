// The texts and pictures of a request that asks for their vectors.
#pragma once

#include <jansson.h>

#include "api/picture_source.h"

struct api;

enum { EMBEDDING_INPUTS_MAX = 2048, EMBEDDING_PICTURES_MAX = 64 };

enum embedding_kind { EMBEDDING_OF_TEXT, EMBEDDING_OF_ADDRESS, EMBEDDING_OF_BASE64 };

struct embedding_item {
    enum embedding_kind kind;
    const char *text;  // borrowed from the JSON: the text itself, or in the form of a picture
    size_t length;
    struct embedding embedding;
    size_t text_tokens;
    struct error error;
};

struct embedding_batch {
    struct embedding_item *items;  // in the order in which they were added
    size_t count, capacity, picture_count;
};

// For so many inputs, at least one. ERROR_INVALID (too many), ERROR_BAD_REQUEST (none). Must be
// cleared after success.
bool embedding_batch_init(struct embedding_batch *batch, size_t capacity, struct error *err);
void embedding_batch_clear(struct embedding_batch *batch);
// At most `capacity` times. ERROR_BAD_REQUEST (not a string), ERROR_INVALID (too many pictures).
bool embedding_batch_add(struct embedding_batch *batch, enum embedding_kind kind,
                         const json_t *text, struct error *err);
// Makes all vectors. One input goes before bulk work; several are bulk work themselves, with a
// place in batch_threads.h. One that fails fails all: the error is the first one's in order.
bool embedding_batch_run(struct embedding_batch *batch, struct api *api, struct error *err);
