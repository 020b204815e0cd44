// Words as the full-text index knows them: runs of letters and digits of any script, without case
// and accents. Folding is done here, alike for what is stored and what is asked, since what
// PostgreSQL takes for a letter depends on the locale of the database; it only takes the endings
// off (its dictionary imgrouter_stem).
#pragma once

#include <stddef.h>

#include "base/byte_buffer.h"
#include "store/store.h"

// Appends the words of `text`, each with `joint` before it unless the buffer is empty. False: out
// of memory, or over the buffer's limit.
bool postgres_words_fold(struct byte_buffer *buffer, const char *text, const char *joint);

// The two texts of a record that are indexed: its caption, and its file name and tags.
struct postgres_words {
    struct byte_buffer caption;
    struct byte_buffer others;
};
// On failure too: postgres_words_clear.
bool postgres_words_create(struct postgres_words *words, const struct image_record *record,
                           struct error *err);
void postgres_words_clear(struct postgres_words *words);

// The same words for to_tsquery, joined by "&" or "|"; one that falls into several, as "new-york"
// does, is a phrase. Empty when there is no letter or digit in them. NULL: out of memory; caller
// frees with memory_free.
char *postgres_words_query(const char *const *words, size_t count, const char *joint);
