#include "service/query_text.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "service/plain_text.h"
#include "store/words.h"

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL, "out of memory for a query; try again");
}

static char *copy(const char *text, size_t size) {
    char *copied = size == SIZE_MAX ? NULL : memory_try(size + 1);
    if (copied == NULL) return NULL;
    memcpy(copied, text, size);
    copied[size] = '\0';
    return copied;
}

static bool add_negated(struct query_text *text, const char *word, size_t size, struct error *err) {
    if (text->negated_count == STORE_WORDS_MAX)
        return error_set(err, ERROR_INVALID, "a query takes at most %d negated words",
                         STORE_WORDS_MAX);
    char *copied = copy(word, size);
    if (copied == NULL) return out_of_memory(err);
    text->negated[text->negated_count++] = copied;
    return true;
}

// The bytes from `word` up to the blank behind it, or, of -"several words", to the closing
// quotation mark. One that is not closed is a letter like others.
static size_t piece_size(const char *word) {
    size_t size = 0;
    if (word[0] == '-' && word[1] == '"') {
        const char *end = strchr(word + 2, '"');
        bool is_last = end != NULL && (end[1] == '\0' || is_blank(end[1]));
        if (is_last && end > word + 2) return (size_t)(end + 1 - word);
    }
    while (word[size] != '\0' && !is_blank(word[size])) size++;
    return size;
}

static bool is_quoted(const char *piece, size_t size) {
    return size > 3 && piece[1] == '"' && piece[size - 1] == '"';
}

// Splits at blanks; what is not negated keeps the blanks between it as one.
static bool split_query(const char *query, struct query_text *text, struct error *err) {
    text->positive = memory_try(strlen(query) + 1);
    if (text->positive == NULL) return out_of_memory(err);
    char *end = text->positive;
    for (const char *word = query; *word != '\0';) {
        if (is_blank(*word)) {
            word++;
            continue;
        }
        size_t size = piece_size(word);
        if (word[0] == '-' && size > 1 && word[1] != '-') {
            size_t marks = is_quoted(word, size) ? 1 : 0;
            if (!add_negated(text, word + 1 + marks, size - 1 - 2 * marks, err)) return false;
        } else {
            if (end != text->positive) *end++ = ' ';
            memcpy(end, word, size);
            end += size;
        }
        word += size;
    }
    *end = '\0';
    return true;
}

static bool is_common(const char *word, size_t size) {
    static const char *const common[] = {"a",   "an",   "and",  "are", "as",   "at",  "by",
                                         "for", "from", "in",   "is",  "it",   "its", "of",
                                         "on",  "or",   "that", "the", "this", "to",  "with"};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (strlen(common[i]) == size && strncasecmp(common[i], word, size) == 0) return true;
    return false;
}
// The next word at or after *at; false at the end. A byte that is no UTF-8 ends a word.
static bool next_word(const char **at, const char **word, size_t *size) {
    *word = NULL;
    while (**at != '\0') {
        utf8proc_int32_t character;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)*at,
                                                 (utf8proc_ssize_t)strnlen(*at, 4), &character);
        bool is_inside = used > 0 && word_has_character(character);
        if (!is_inside && *word != NULL) return true;
        if (is_inside && *word == NULL) {
            *word = *at;
            *size = 0;
        }
        *at += used > 0 ? used : 1;
        if (is_inside) *size += (size_t)used;
    }
    return *word != NULL;
}

static bool add_words(struct query_text *text, bool with_common, struct error *err) {
    const char *at = text->positive, *word;
    size_t size;
    while (text->word_count < STORE_WORDS_MAX && next_word(&at, &word, &size)) {
        if (!with_common && is_common(word, size)) continue;
        char *copied = copy(word, size);
        if (copied == NULL) return out_of_memory(err);
        text->words[text->word_count++] = copied;
    }
    return true;
}

bool query_text_parse(const char *query, struct query_text *text, struct error *err) {
    *text = (struct query_text){.positive = NULL};
    if (plain_text_is_blank(query))
        return error_set(err, ERROR_INVALID, "the query is empty; say what to look for");
    if (!split_query(query, text, err)) return false;
    if (plain_text_is_blank(text->positive))
        return error_set(err, ERROR_INVALID,
                         "the query only says what not to find; say also what to look for");
    return add_words(text, false, err) && (text->word_count > 0 || add_words(text, true, err));
}

void query_text_clear(struct query_text *text) {
    memory_free(text->positive);
    for (size_t i = 0; i < text->negated_count; i++) memory_free(text->negated[i]);
    for (size_t i = 0; i < text->word_count; i++) memory_free(text->words[i]);
    *text = (struct query_text){.positive = NULL};
}
