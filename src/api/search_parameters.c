#include "api/search_parameters.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/image_answer.h"
#include "api/time_text.h"
#include "base/byte_buffer.h"
#include "base/memory.h"
#include "base/sha256.h"

static const char *const modes[] = {"semantic", "keyword", "hybrid", NULL};  // enum search_mode
static const char *const flags[] = {"false", "true", NULL};

const struct api_parameter parameter_mode = {
    .name = "mode",
    .choices = modes,
    .example = "semantic",
    .description =
        "How to find: `semantic` by what the pictures show, `keyword` by the words of "
        "captions, file names and tags, `hybrid` by both. Absent: `semantic`.",
};
const struct api_parameter parameter_min_score = {
    .name = "min_score",
    .schema = "MinimumScore",
    .example = "auto",
    .description =
        "Leave out what fits worse: a number from -1 to 1 that `score` must reach, or "
        "`auto` for what is relevant to the words, and nothing else. Absent: everything.",
};
const struct api_parameter parameter_exact = {
    .name = "exact",
    .choices = flags,
    .example = "false",
    .description = "`true` compares with every vector, however long that takes.",
};
const struct api_parameter parameter_search_cursor = {
    .name = "cursor",
    .schema = "SearchCursor",
    .example = "",
    .description =
        "Where to go on: the `next_cursor` of the page before, with the same other "
        "parameters. Absent or empty: the best results.",
};
const struct api_parameter parameter_ids = {
    .name = "ids",
    .schema = "ImageIds",
    .example = "d5951c5b4562a94e",
    .description = "Only among these images: ids, separated by commas.",
};
const struct api_parameter parameter_from = {
    .name = "from",
    .schema = "SearchTime",
    .example = "2026-01-01",
    .description = "Only images uploaded at this time or later: a date, or a time as in RFC 3339.",
};
const struct api_parameter parameter_until = {
    .name = "until",
    .schema = "SearchTime",
    .example = "2027-01-01T00:00:00Z",
    .description = "Only images uploaded before this time.",
};
const struct api_parameter parameter_origin = {
    .name = "origin",
    .example = "local",
    .description =
        "Only images whose caption is from there: `local`, `user`, `mock` or the name "
        "of a provider.",
};
const struct api_parameter parameter_tags = {
    .name = "tags",
    .schema = "SearchTags",
    .example = "beach,summer",
    .description = "Only images that have all these tags, separated by commas.",
};
const struct api_parameter parameter_words = {
    .name = "words",
    .schema = "SearchWords",
    .example = "dog,snow",
    .description = "Only images with all these words in the caption, separated by commas.",
};

// What makes a search: all but k and cursor.
static const struct api_parameter *const fingerprinted[] = {
    &parameter_query_text, &parameter_image_id, &parameter_mode,  &parameter_min_score,
    &parameter_exact,      &parameter_ids,      &parameter_from,  &parameter_until,
    &parameter_origin,     &parameter_tags,     &parameter_words,
};

enum { OFFSET_DIGITS = 4, FINGERPRINT_DIGITS = 8 };
_Static_assert(SEARCH_CURSOR_SIZE == OFFSET_DIGITS + FINGERPRINT_DIGITS + 1, "a cursor's parts");

// Tells searches apart, so that a cursor is not used with another one.
static bool fingerprint(const struct http_request *request,
                        char text[static FINGERPRINT_DIGITS + 1], struct problem *problem) {
    struct byte_buffer all;
    byte_buffer_init(&all, 64 * 1024);  // far more than the longest request line
    for (size_t i = 0; i < sizeof fingerprinted / sizeof fingerprinted[0]; i++) {
        const char *value = http_request_query(request, fingerprinted[i]->name);
        (void)byte_buffer_append(&all, value != NULL ? "+" : "-", 1);
        if (value != NULL) (void)byte_buffer_append(&all, value, strlen(value) + 1);
    }
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    bool is_done = !all.has_failed;
    if (is_done) {
        sha256(all.bytes, all.size, digest);
        sha256_hex(digest, hex);
        (void)snprintf(text, FINGERPRINT_DIGITS + 1, "%s", hex);
    } else {
        error_set(&problem->error, ERROR_INTERNAL, "The server has no memory for this search.");
    }
    byte_buffer_clear(&all);
    return is_done;
}

bool search_cursor_write(const struct http_request *request, const struct search_request *search,
                         char cursor[static SEARCH_CURSOR_SIZE], struct problem *problem) {
    char print[FINGERPRINT_DIGITS + 1];
    if (!fingerprint(request, print, problem)) return false;
    (void)snprintf(cursor, SEARCH_CURSOR_SIZE, "%04zx%s", (search->offset + search->k) & 0xffff,
                   print);
    return true;
}

static bool cursor_read(const struct http_request *request, struct search_request *search,
                        struct problem *problem) {
    const char *text = http_request_query(request, parameter_search_cursor.name);
    char print[FINGERPRINT_DIGITS + 1], offset[OFFSET_DIGITS + 1] = "";
    if (text == NULL || text[0] == '\0') return true;
    if (!fingerprint(request, print, problem)) return false;
    if (strlen(text) != SEARCH_CURSOR_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != SEARCH_CURSOR_SIZE - 1 ||
        strcmp(text + OFFSET_DIGITS, print) != 0)
        return problem_set_field(
            problem, "query", parameter_search_cursor.name, "value_error",
            "Not a cursor of this search",
            "The cursor is not one that this server gave for this search; take "
            "next_cursor of the page before and leave the other parameters as "
            "they were.");
    memcpy(offset, text, OFFSET_DIGITS);
    search->offset = strtoul(offset, NULL, 16);
    return true;
}

static bool min_score_read(const struct http_request *request, struct search_request *search,
                           struct problem *problem) {
    const char *text = http_request_query(request, parameter_min_score.name);
    if (text == NULL) return true;
    if (strcmp(text, "auto") == 0) {
        search->score_bound = SCORE_AUTOMATIC;
        return true;
    }
    char *end;
    double number = strtod(text, &end);
    // The first character keeps out "nan", "inf" and blanks; the span, hexadecimal numbers.
    bool is_number = text[0] != '\0' && strspn(text, "+-.0123456789eE") == strlen(text) &&
                     *end == '\0' && number >= -1 && number <= 1;
    if (!is_number)
        return problem_set_field(problem, "query", parameter_min_score.name, "float_parsing",
                                 "Input should be a number from -1 to 1, or auto",
                                 "The parameter min_score must be a number from -1 to 1, or auto.");
    search->score_bound = SCORE_AT_LEAST;
    search->min_score = (float)number;
    return true;
}

static bool time_read(const struct http_request *request, const struct api_parameter *parameter,
                      int64_t *ms, struct problem *problem) {
    const char *text = http_request_query(request, parameter->name);
    if (text == NULL || time_text_read(text, ms)) return true;
    return problem_set_field(
        problem, "query", parameter->name, "datetime_parsing", "Input should be a date or a time",
        "The parameter %s must be a date such as 2026-01-31, or a time such as "
        "2026-01-31T09:26:53Z.",
        parameter->name);
}

static bool choice_read(const struct http_request *request, const struct api_parameter *parameter,
                        size_t *choice, struct problem *problem) {
    const char *value = http_request_query(request, parameter->name);
    *choice = 0;
    if (value == NULL) return true;
    if (!parameter_check_choice(parameter, "query", value, strlen(value), problem)) return false;
    while (strcmp(parameter->choices[*choice], value) != 0) (*choice)++;
    return true;
}

static bool list_fail(const struct api_parameter *parameter, size_t maximum,
                      struct problem *problem) {
    return problem_set_field(problem, "query", parameter->name, "value_error",
                             "Input should be a list separated by commas",
                             "The parameter %s must be a list of 1 to %zu entries, separated by "
                             "commas, none of them empty.",
                             parameter->name, maximum);
}

// Cuts a copy of the value at its commas; *text and *pointers move on past what was used.
static bool list_read(const struct http_request *request, const struct api_parameter *parameter,
                      size_t maximum, char **text, const char ***pointers, size_t *count,
                      struct problem *problem) {
    const char *value = http_request_query(request, parameter->name);
    *count = 0;
    if (value == NULL) return true;
    size_t size = strlen(value) + 1;
    memcpy(*text, value, size);
    for (char *rest = *text; rest != NULL;) {
        char *entry = strsep(&rest, ",");
        if (entry[0] == '\0' || *count == maximum) return list_fail(parameter, maximum, problem);
        (*pointers)[(*count)++] = entry;
    }
    *text += size;
    *pointers += *count;
    return true;
}

static bool ids_check(const struct store_filter *filter, struct problem *problem) {
    for (size_t i = 0; filter->ids != NULL && i < filter->id_count; i++)
        if (!image_id_is_whole(filter->ids[i]))
            return problem_set_field(problem, "query", parameter_ids.name, "value_error",
                                     "Not an id",
                                     "Every entry of ids must be 16 hexadecimal digits.");
    return true;
}

static bool words_check(const struct store_filter *filter, struct problem *problem) {
    for (size_t i = 0; i < filter->caption_word_count; i++) {
        bool has_letter = false;
        for (const char *c = filter->caption_words[i]; *c != '\0'; c++)
            has_letter = has_letter || (*c & 0x80) != 0 || (*c >= '0' && *c <= '9') ||
                         ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z');
        if (!has_letter)
            return problem_set_field(problem, "query", parameter_words.name, "value_error",
                                     "Not a word",
                                     "Every entry of words must have a letter or digit.");
    }
    return true;
}

static bool filter_read(struct search_parameters *parameters, const struct http_request *request,
                        struct problem *problem) {
    static const struct api_parameter *const lists[] = {&parameter_ids, &parameter_tags,
                                                        &parameter_words};
    struct store_filter *filter = &parameters->request.filter;
    size_t text_size = 1, entries = 1;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const char *value = http_request_query(request, lists[i]->name);
        if (value == NULL) continue;
        text_size += strlen(value) + 1;
        for (entries++; *value != '\0'; value++) entries += *value == ',' ? 1 : 0;
    }
    parameters->text = memory_try(text_size);
    parameters->pointers = memory_try_array(entries, sizeof *parameters->pointers);
    if (parameters->text == NULL || parameters->pointers == NULL)
        return error_set(&problem->error, ERROR_INTERNAL,
                         "The server has no memory for this search.");
    char *text = parameters->text;
    const char **pointers = parameters->pointers;
    filter->tags = pointers;
    if (!list_read(request, &parameter_tags, STORE_TAGS_MAX, &text, &pointers, &filter->tag_count,
                   problem))
        return false;
    filter->caption_words = pointers;
    if (!list_read(request, &parameter_words, STORE_WORDS_MAX, &text, &pointers,
                   &filter->caption_word_count, problem))
        return false;
    filter->ids = http_request_query(request, parameter_ids.name) != NULL ? pointers : NULL;
    if (!list_read(request, &parameter_ids, STORE_SEARCH_MAX, &text, &pointers, &filter->id_count,
                   problem))
        return false;
    filter->origin = http_request_query(request, parameter_origin.name);
    return ids_check(filter, problem) && words_check(filter, problem) &&
           time_read(request, &parameter_from, &filter->created_from_ms, problem) &&
           time_read(request, &parameter_until, &filter->created_until_ms, problem);
}

static bool query_check(const char *query, struct problem *problem) {
    if (query[strspn(query, " \t\r\n\f\v")] == '\0') {
        return problem_set_field(problem, "query", parameter_query_text.name, "string_too_short",
                                 "The query is empty",
                                 "The query is empty; say in q what to look for.");
    }
    json_t *text = json_string(query);
    json_decref(text);
    if (text != NULL) return true;
    return problem_set_field(problem, "query", parameter_query_text.name, "string_unicode",
                             "Not UTF-8", "The query is not valid UTF-8; encode q as UTF-8.");
}

bool search_parameters_read(struct search_parameters *parameters, struct http_request *request,
                            struct problem *problem) {
    struct search_request *search = &parameters->request;
    size_t mode, is_exact;
    long k;
    *parameters = (struct search_parameters){.text = NULL};
    search->query = http_request_query(request, parameter_query_text.name);
    search->image_id = http_request_query(request, parameter_image_id.name);
    bool is_read = (search->query == NULL || query_check(search->query, problem)) &&
                   (search->image_id == NULL || image_id_check(search->image_id, problem)) &&
                   parameter_read_integer(request, &parameter_k, &k, problem) &&
                   choice_read(request, &parameter_mode, &mode, problem) &&
                   choice_read(request, &parameter_exact, &is_exact, problem) &&
                   min_score_read(request, search, problem) &&
                   filter_read(parameters, request, problem) &&
                   cursor_read(request, search, problem);
    if (!is_read) return false;
    search->k = (size_t)k;
    search->mode = (enum search_mode)mode;
    search->is_exact = is_exact == 1;
    // The last page before the bound may be short.
    if (search->offset < STORE_SEARCH_MAX && search->k > STORE_SEARCH_MAX - search->offset)
        search->k = STORE_SEARCH_MAX - search->offset;
    return true;
}

void search_parameters_clear(struct search_parameters *parameters) {
    memory_free(parameters->text);
    memory_free(parameters->pointers);
}
