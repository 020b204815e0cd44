#include "service/search_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/time_text.h"

const char *const search_mode_names[] = {"semantic", "keyword", "hybrid", NULL};

// What reading has got to.
struct reader {
    const struct search_text *text;
    char *free_text;            // of the lists
    const char **free_entries;  // likewise
    struct search_text_fault *fault;
};

static bool fail(struct search_text_fault *fault, enum search_text_field field, const char *type,
                 const char *message, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static bool fail(struct search_text_fault *fault, enum search_text_field field, const char *type,
                 const char *message, const char *format, ...) {
    va_list arguments;
    *fault = (struct search_text_fault){.field = field, .type = type, .message = message};
    va_start(arguments, format);
    (void)vsnprintf(fault->rule, sizeof fault->rule, format, arguments);
    va_end(arguments);
    return false;
}

static bool mode_read(const struct reader *reader, enum search_mode *mode) {
    const char *text = reader->text->values[SEARCH_TEXT_MODE];
    size_t i = 0;
    while (text != NULL && search_mode_names[i] != NULL && strcmp(search_mode_names[i], text) != 0)
        i++;
    if (search_mode_names[i] == NULL)
        return fail(reader->fault, SEARCH_TEXT_MODE, "literal_error",
                    "Input should be one of the accepted values",
                    "must be semantic, keyword or hybrid.");
    *mode = (enum search_mode)i;
    return true;
}

static bool min_score_read(const struct reader *reader, struct search_request *request) {
    const char *text = reader->text->values[SEARCH_TEXT_MIN_SCORE];
    if (text == NULL) return true;
    if (strcmp(text, "auto") == 0) {
        request->score_bound = SCORE_AUTOMATIC;
        return true;
    }
    char *end;
    double number = strtod(text, &end);
    // The span keeps out "nan", "inf", blanks and hexadecimal numbers.
    bool is_number = text[0] != '\0' && strspn(text, "+-.0123456789eE") == strlen(text) &&
                     *end == '\0' && number >= -1 && number <= 1;
    if (!is_number)
        return fail(reader->fault, SEARCH_TEXT_MIN_SCORE, "float_parsing",
                    "Input should be a number from -1 to 1, or auto",
                    "must be a number from -1 to 1, or auto.");
    request->score_bound = SCORE_AT_LEAST;
    request->min_score = (float)number;
    return true;
}

static bool time_read(const struct reader *reader, enum search_text_field field, int64_t *ms) {
    const char *text = reader->text->values[field];
    if (text == NULL || time_text_read(text, ms)) return true;
    return fail(reader->fault, field, "datetime_parsing", "Input should be a date or a time",
                "must be a date such as 2026-01-31, or a time such as 2026-01-31T09:26:53Z.");
}

// Cuts a copy of the value at its commas.
static bool list_read(struct reader *reader, enum search_text_field field, size_t maximum,
                      const char *const **list, size_t *count) {
    const char *value = reader->text->values[field];
    *count = 0;
    if (value == NULL) return true;
    size_t size = strlen(value) + 1;
    memcpy(reader->free_text, value, size);
    *list = reader->free_entries;
    for (char *rest = reader->free_text; rest != NULL;) {
        char *entry = strsep(&rest, ",");
        if (entry[0] == '\0' || *count == maximum)
            return fail(reader->fault, field, "value_error",
                        "Input should be a list separated by commas",
                        "must be a list of 1 to %zu entries, separated by commas, none of them "
                        "empty.",
                        maximum);
        reader->free_entries[(*count)++] = entry;
    }
    reader->free_text += size;
    reader->free_entries += *count;
    return true;
}

bool search_word_is_whole(const char *word) {
    for (const char *c = word; *c != '\0'; c++)
        if ((*c & 0x80) != 0 || (*c >= '0' && *c <= '9') ||
            ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'))
            return true;
    return false;
}

static bool words_check(const struct reader *reader, const struct store_filter *filter) {
    for (size_t i = 0; i < filter->caption_word_count; i++)
        if (!search_word_is_whole(filter->caption_words[i]))
            return fail(reader->fault, SEARCH_TEXT_WORDS, "value_error", "Not a word",
                        "must have a letter or digit in every entry.");
    return true;
}

static bool filter_read(struct reader *reader, struct store_filter *filter) {
    filter->origin = reader->text->values[SEARCH_TEXT_ORIGIN];
    return list_read(reader, SEARCH_TEXT_TAGS, STORE_TAGS_MAX, &filter->tags, &filter->tag_count) &&
           list_read(reader, SEARCH_TEXT_WORDS, STORE_WORDS_MAX, &filter->caption_words,
                     &filter->caption_word_count) &&
           list_read(reader, SEARCH_TEXT_IDS, STORE_SEARCH_MAX, &filter->ids, &filter->id_count) &&
           words_check(reader, filter) &&
           time_read(reader, SEARCH_TEXT_FROM, &filter->created_from_ms) &&
           time_read(reader, SEARCH_TEXT_UNTIL, &filter->created_until_ms);
}

// Room for all lists: their text, and a pointer for each entry.
static bool lists_allocate(struct search_text *text) {
    static const enum search_text_field lists[] = {SEARCH_TEXT_TAGS, SEARCH_TEXT_WORDS,
                                                   SEARCH_TEXT_IDS};
    size_t size = 1, entries = 1;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *value = text->values[lists[i]];
        if (value == NULL) continue;
        size += strlen(value) + 1;
        for (entries++; *value != '\0'; value++) entries += *value == ',' ? 1 : 0;
    }
    text->lists = memory_try(size);
    text->entries = memory_try_array(entries, sizeof *text->entries);
    return text->lists != NULL && text->entries != NULL;
}

bool search_text_read(struct search_text *text, struct search_request *request,
                      struct search_text_fault *fault) {
    fault->rule[0] = '\0';
    if (!lists_allocate(text)) return false;
    struct reader reader = {text, text->lists, text->entries, fault};
    return mode_read(&reader, &request->mode) && min_score_read(&reader, request) &&
           filter_read(&reader, &request->filter);
}

void search_text_clear(struct search_text *text) {
    memory_free(text->lists);
    memory_free(text->entries);
    text->lists = NULL;
    text->entries = NULL;
}
