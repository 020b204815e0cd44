// The parameters of a search as people write them, in requests and on the command line: one set of
// rules for both, and one wording of what is wrong.
#pragma once

#include "service/search.h"

enum search_text_field {
    SEARCH_TEXT_MODE,       // a name of search_mode_names
    SEARCH_TEXT_MIN_SCORE,  // a number from -1 to 1, or "auto"
    SEARCH_TEXT_TAGS,       // lists are separated by commas
    SEARCH_TEXT_WORDS,
    SEARCH_TEXT_IDS,   // what an id is, the caller checks
    SEARCH_TEXT_FROM,  // times as in base/time_text.h
    SEARCH_TEXT_UNTIL,
    SEARCH_TEXT_ORIGIN,
    SEARCH_TEXT_COUNT
};

extern const char *const search_mode_names[];  // by enum search_mode; ends in NULL

struct search_text {
    const char *values[SEARCH_TEXT_COUNT];  // NULL: not given; borrowed
    char *lists;                            // one copy of all lists, cut at the commas
    const char **entries;                   // into it
};

enum { SEARCH_RULE_SIZE = 160 };

// What is wrong with one field. The rule ends a sentence that begins with the field's name: "must
// be a number from -1 to 1, or auto."
struct search_text_fault {
    enum search_text_field field;
    const char *type;     // a code for programs, a literal
    const char *message;  // a short text for them, a literal
    char rule[SEARCH_RULE_SIZE];
};

// Reads text->values into the mode, bound and filter of *request, which point into *text
// afterwards. False: *fault says why; or memory is out, and its rule is empty. The caller clears
// *text, also after a failure.
bool search_text_read(struct search_text *text, struct search_request *request,
                      struct search_text_fault *fault);
void search_text_clear(struct search_text *text);

// Has a letter or a digit: what full-text search can look for.
bool search_word_is_whole(const char *word);
