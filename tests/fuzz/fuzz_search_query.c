// What a search is asked for: words taken apart, times read. Whatever comes, the parts hold what
// their headers promise.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "base/memory.h"
#include "service/query_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right) {
    if (!is_right) abort();
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
    if (time_text_read(text, &ms)) check(ms >= 0);
    memory_free(text);
    return 0;
}
