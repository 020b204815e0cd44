// An image's tags as one text: one a line, each once, in the order given. A tag is plain text of 1
// to STORE_TAG_SIZE - 1 bytes without commas, which separate tags in requests.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "store/store.h"

// Adds a tag; one that is there already is left. ERROR_INVALID: empty, too long, a comma or a
// control character in it, not UTF-8, or too many.
bool tags_add(char tags[static STORE_TAGS_SIZE], const char *tag, struct error *err);
bool tags_contain(const char *tags, const char *tag);
// What tells a list of tags from others; never 0. The first 32 bits of its SHA-256.
uint32_t tags_digest(const char *tags);
// Whether a user chose the image's tags, none of them included, rather than models.
bool tags_are_users(const struct image_record *record);
// The next tag of a text: copies it to `tag` and moves *tags on; false at the end.
bool tags_next(const char **tags, char tag[static STORE_TAG_SIZE]);
