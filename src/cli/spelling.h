// What a mistyped word was likely meant to be: of the words that are tried, the one with the fewest
// letters changed, put in, left out or swapped with their neighbour, if those are few enough.
#pragma once

#include <stddef.h>

struct spelling {
    const char *word;  // borrowed, as are all
    size_t length;
    const char *best;  // NULL: none is like it
    size_t distance;   // of the best
};

void spelling_begin(struct spelling *spelling, const char *word);
// A word of `length` bytes, for one within a text.
void spelling_begin_part(struct spelling *spelling, const char *word, size_t length);
void spelling_try(struct spelling *spelling, const char *candidate);
