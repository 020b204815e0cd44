#include "cloud/noun_phrase.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(const char *text, const char *ending) {
    size_t length = strlen(text), ending_length = strlen(ending);
    return length >= ending_length && strcmp(text + length - ending_length, ending) == 0;
}

static bool is_vowel(char letter) { return letter != '\0' && strchr("aeiou", letter) != NULL; }

// Nouns that are not counted: they stand without article and number.
static bool is_uncounted(const char *word) {
    static const char *const words[] = {"clothing",  "footwear", "furniture", "food",  "fruit",
                                        "jewellery", "jewelry",  "luggage",   "bread", "grass",
                                        "hair",      "makeup",   "produce",   "water"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0) return true;
    // "jeans", "shorts", "stairs"; but not "glass", "bus", "tennis", "canvas", "lens".
    return ends_with(word, "s") && !ends_with(word, "ss") && !ends_with(word, "us") &&
           !ends_with(word, "is") && !ends_with(word, "as") && !ends_with(word, "lens");
}

// The plural of the last word, whose place in `name` is `word`.
static void write_plural(char *phrase, size_t size, const char *number, const char *name,
                         const char *word) {
    static const char *const irregular[][2] = {
        {"person", "people"},   {"man", "men"},         {"woman", "women"},
        {"child", "children"},  {"mouse", "mice"},      {"goose", "geese"},
        {"foot", "feet"},       {"tooth", "teeth"},     {"sheep", "sheep"},
        {"fish", "fish"},       {"deer", "deer"},       {"aircraft", "aircraft"},
        {"knife", "knives"},    {"shelf", "shelves"},   {"leaf", "leaves"},
        {"loaf", "loaves"},     {"wolf", "wolves"},     {"calf", "calves"},
        {"tomato", "tomatoes"}, {"potato", "potatoes"},
    };
    int before = (int)(word - name);
    for (size_t i = 0; i < sizeof irregular / sizeof *irregular; i++) {
        if (strcmp(word, irregular[i][0]) != 0) continue;
        (void)snprintf(phrase, size, "%s %.*s%s", number, before, name, irregular[i][1]);
        return;
    }
    size_t length = strlen(name);
    if (length >= 2 && ends_with(word, "y") && !is_vowel(name[length - 2])) {
        (void)snprintf(phrase, size, "%s %.*sies", number, (int)(length - 1), name);
        return;
    }
    bool hisses = ends_with(word, "s") || ends_with(word, "x") || ends_with(word, "z") ||
                  ends_with(word, "ch") || ends_with(word, "sh");
    (void)snprintf(phrase, size, "%s %s%s", number, name, hisses ? "es" : "s");
}

// By sound, which these beginnings have other than their letter.
static const char *article_of(const char *name) {
    static const char *const as_consonant[] = {"uni", "ute", "uk", "eu", "one"};
    for (size_t i = 0; i < sizeof as_consonant / sizeof *as_consonant; i++)
        if (strncmp(name, as_consonant[i], strlen(as_consonant[i])) == 0) return "a";
    return is_vowel(name[0]) || strncmp(name, "hour", 4) == 0 ? "an" : "a";
}

void noun_phrase_write(char *phrase, size_t phrase_size, const char *name, unsigned count) {
    static const char *const numbers[] = {"no",  "one",   "two",   "three", "four", "five",
                                          "six", "seven", "eight", "nine",  "ten"};
    const char *last = strrchr(name, ' ');
    last = last == NULL ? name : last + 1;
    if (is_uncounted(last))
        (void)snprintf(phrase, phrase_size, "%s", name);
    else if (count == 1)
        (void)snprintf(phrase, phrase_size, "%s %s", article_of(name), name);
    else
        write_plural(phrase, phrase_size,
                     count < sizeof numbers / sizeof *numbers ? numbers[count] : "many", name,
                     last);
}
