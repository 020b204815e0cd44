// What a search is asked for: words taken apart, times and parameters read. Whatever comes, the
// parts hold what their headers promise.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/time_text.h"
#include "service/query_text.h"
#include "service/search_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right) {
    if (!is_right) abort();
}

// The text as each of the parameters of a search.
static void check_parameters(const char *value) {
    for (size_t field = 0; field < SEARCH_TEXT_COUNT; field++) {
        struct search_text text = {.lists = NULL};
        struct search_request request = {.query = NULL};
        struct search_text_fault fault;
        const struct store_filter *filter = &request.filter;
        text.values[field] = value;
        if (!search_text_read(&text, &request, &fault)) {
            check(fault.field == field && fault.rule[0] != '\0');
        } else {
            check(filter->tag_count <= STORE_TAGS_MAX && filter->id_count <= STORE_SEARCH_MAX);
            check(filter->caption_word_count <= STORE_WORDS_MAX);
            check(request.min_score >= -1 && request.min_score <= 1);
            for (size_t i = 0; i < filter->tag_count; i++) check(filter->tags[i][0] != '\0');
        }
        search_text_clear(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = memory_alloc(size + 1);
    struct query_text query;
    struct error err = {0};
    int64_t ms;
    if (size > 0) memcpy(text, data, size);
    if (query_text_parse(text, &query, &err)) {
        check(strlen(query.positive) <= strlen(text));
        check(query.negated_count <= STORE_WORDS_MAX && query.word_count <= STORE_WORDS_MAX);
        for (size_t i = 0; i < query.negated_count; i++) check(query.negated[i][0] != '\0');
        for (size_t i = 0; i < query.word_count; i++)
            check(strstr(query.positive, query.words[i]) != NULL && query.words[i][0] != '\0');
    } else {
        check(err.kind == ERROR_INVALID);
    }
    query_text_clear(&query);
    check_parameters(text);
    if (time_text_read(text, &ms)) check(ms >= 0);
    memory_free(text);
    return 0;
}
