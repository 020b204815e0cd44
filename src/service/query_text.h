// What a user typed into the search box, taken apart: the text to look for, the words that "-"
// negates, and the words for full-text search.
#pragma once

#include "base/error.h"
#include "store/store.h"

// "beach sunset -people" looks for "beach sunset" and keeps out what fits "people". A "-" negates
// the word behind it, or several in quotation marks (-"red car"), at the beginning and after a
// blank only: "t-shirt", "-" and "--" are text. All texts are owned, UTF-8, NUL-terminated.
struct query_text {
    char *positive;                  // the query without its negated words
    char *negated[STORE_WORDS_MAX];  // each without its "-" and quotation marks
    char *words[STORE_WORDS_MAX];    // of `positive`; see query_text_parse
    size_t negated_count;
    size_t word_count;
};

// Words are runs of letters, digits and marks; of a query that has others too, the commonest
// English ones ("a", "the", "of") are left out, for they occur in nearly every caption. Those
// beyond STORE_WORDS_MAX are dropped. Errors: ERROR_INVALID (blank, or nothing but negated words,
// or too many of these), ERROR_INTERNAL (out of memory). The caller clears *text, also after a
// failure.
bool query_text_parse(const char *query, struct query_text *text, struct error *err);
void query_text_clear(struct query_text *text);
