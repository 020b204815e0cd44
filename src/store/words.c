#include "store/words.h"

#include <libstemmer.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"

enum {
    CHARACTER_SIZE = 4,  // bytes of the longest UTF-8 character
    EXPANSION_MAX = 32,  // characters that one may fold to; Unicode's longest is 18
    STEMMED_MIN = 3,     // bytes; shorter words have no ending (Porter 1980)
};

bool word_list_has(const struct word_list *list, const char *word) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->words[i], word) == 0) return true;
    return false;
}

void word_list_clear(struct word_list *list) {
    memory_free(list->words);
    *list = (struct word_list){0};
}

static bool add_word(struct word_list *list, const char *word) {
    if (word_list_has(list, word) || list->count == WORD_LIST_MAX) return true;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        char(*words)[WORD_SIZE] = memory_try_resize(list->words, capacity, WORD_SIZE);
        if (words == NULL) return false;
        list->words = words;
        list->capacity = capacity;
    }
    memcpy(list->words[list->count++], word, WORD_SIZE);
    return true;
}

// A word as it is read.
struct run {
    char bytes[WORD_SIZE];
    size_t size;
};

static bool has_only_letters(const struct run *run) {
    for (size_t i = 0; i < run->size; i++)
        if (run->bytes[i] < 'a' || run->bytes[i] > 'z') return false;
    return true;
}

static bool finish_run(struct word_list *list, struct run *run, struct sb_stemmer *stemmer) {
    if (run->size == 0) return true;
    char word[WORD_SIZE] = {0};
    memcpy(word, run->bytes, run->size);
    if (run->size >= STEMMED_MIN && has_only_letters(run)) {
        const sb_symbol *stem =
            sb_stemmer_stem(stemmer, (const sb_symbol *)run->bytes, (int)run->size);
        int length = sb_stemmer_length(stemmer);
        if (stem == NULL || length < 0 || length >= WORD_SIZE) return false;
        memset(word, 0, sizeof word);
        memcpy(word, stem, (size_t)length);
    }
    run->size = 0;
    return add_word(list, word);
}

bool word_has_character(int32_t character) {
    utf8proc_category_t category = utf8proc_category(character);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO) ||
           category == UTF8PROC_CATEGORY_CO;
}

// Marks fall away, letters become small.
static void append_folded(struct run *run, utf8proc_int32_t character) {
    utf8proc_int32_t folded[EXPANSION_MAX];
    int boundary_class = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        character, folded, EXPANSION_MAX,
        UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK, &boundary_class);
    for (utf8proc_ssize_t i = 0; i < count && i < EXPANSION_MAX; i++) {
        utf8proc_uint8_t bytes[CHARACTER_SIZE];
        size_t size = (size_t)utf8proc_encode_char(folded[i], bytes);
        if (size >= sizeof run->bytes - run->size) return;
        memcpy(run->bytes + run->size, bytes, size);
        run->size += size;
    }
}

bool word_list_add(struct word_list *list, const char *text) {
    struct sb_stemmer *stemmer = sb_stemmer_new("porter", NULL);
    struct run run = {.size = 0};
    bool is_done = stemmer != NULL;
    while (is_done && *text != '\0') {
        utf8proc_int32_t character;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text,
                             (utf8proc_ssize_t)strnlen(text, CHARACTER_SIZE), &character);
        text += used > 0 ? used : 1;
        if (used > 0 && word_has_character(character))
            append_folded(&run, character);
        else
            is_done = finish_run(list, &run, stemmer);
    }
    is_done = is_done && finish_run(list, &run, stemmer);
    sb_stemmer_delete(stemmer);
    return is_done;
}
