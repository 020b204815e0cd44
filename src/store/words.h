// The words of a text as full-text search compares them: runs of letters and digits, without
// regard to case and accents, English endings off (Porter's algorithm), as SQLite's FTS5 does with
// `porter unicode61 remove_diacritics 2`; accents of other scripts than the Latin one fall away
// too. For stores whose server has no such search of its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORD_SIZE = 64,         // bytes with NUL; longer words are cut
    WORD_LIST_MAX = 16384,  // words a list; more than caption, name and tags can have
};

struct word_list {
    char (*words)[WORD_SIZE];  // each once
    size_t count;
    size_t capacity;
};

// What unicode61 takes for a part of a word: letters, numbers, marks and private characters.
bool word_has_character(int32_t character);

// Adds the words of a text to the list, which begins zero-initialised; those there already are not
// added again. false when out of memory.
bool word_list_add(struct word_list *list, const char *text);
bool word_list_has(const struct word_list *list, const char *word);
void word_list_clear(struct word_list *list);
