#include <stddef.h>
#include <string.h>

#include "route/repetition.h"

enum { WORDS_MAX = 128, PHRASE_WORDS_MAX = 8, PHRASE_WORDS_MIN_TWICE = 3 };

struct word {
    const char *text;
    size_t size;
};

static char to_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_punctuation(char c) {
    char lower = to_lower(c);
    return c > ' ' && c < 127 && !(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9');
}

static struct word word_strip(struct word word) {
    struct word inner = word;
    while (inner.size > 0 && is_punctuation(inner.text[0])) {
        inner.text++;
        inner.size--;
    }
    while (inner.size > 0 && is_punctuation(inner.text[inner.size - 1])) inner.size--;
    return inner.size > 0 ? inner : word;
}

static size_t words_split(const char *text, struct word words[static WORDS_MAX]) {
    size_t count = 0;
    while (count < WORDS_MAX) {
        while (is_space(*text)) text++;
        if (*text == '\0') break;
        struct word word = {.text = text};
        while (*text != '\0' && !is_space(*text)) text++;
        word.size = (size_t)(text - word.text);
        words[count++] = word_strip(word);
    }
    return count;
}

static bool word_equals(struct word a, struct word b) {
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (to_lower(a.text[i]) != to_lower(b.text[i])) return false;
    return true;
}

// The most words in a row that are each the same as the one `distance` places before: as many as
// the distance are a phrase said twice, twice as many one said three times.
static size_t longest_echo(const struct word *words, size_t count, size_t distance) {
    size_t longest = 0;
    size_t echo = 0;
    for (size_t i = distance; i < count; i++) {
        echo = word_equals(words[i], words[i - distance]) ? echo + 1 : 0;
        if (echo > longest) longest = echo;
    }
    return longest;
}

bool caption_is_repetitive(const char *text) {
    struct word words[WORDS_MAX];
    size_t count = words_split(text, words);
    for (size_t phrase = 1; phrase <= PHRASE_WORDS_MAX; phrase++) {
        size_t echo = longest_echo(words, count, phrase);
        if (echo >= 2 * phrase) return true;
        if (phrase >= PHRASE_WORDS_MIN_TWICE && echo >= phrase && 2 * (phrase + echo) > count)
            return true;
    }
    return false;
}
