// Queries taken apart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "service/query_text.h"

static void join(char *const *texts, size_t count, char joined[static 256]) {
    size_t used = 0;
    joined[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(joined + used, 256 - used, "%s%s", i == 0 ? "" : "|", texts[i]);
}

static void queries_are_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *query, *positive, *negated, *words;
    } cases[] = {
        {"beach", "beach", "", "beach"},
        {"  a red\tcar \n", "a red car", "", "red|car"},
        {"beach -people", "beach", "people", "beach"},
        {"-people beach -dog", "beach", "people|dog", "beach"},
        {"street -\"red car\" night -bus", "street night", "red car|bus", "street|night"},
        {"a street -\"red car", "a street car", "\"red", "street|car"},  // not closed
        {"street -\"\"", "street", "\"\"", "street"},
        {"street -\"a b\"c", "street b\"c", "\"a", "street|b|c"},
        {"\"two words\"", "\"two words\"", "", "two|words"},
        {"t-shirt", "t-shirt", "", "t|shirt"},
        {"a - b", "a - b", "", "b"},
        {"--help me", "--help me", "", "help|me"},
        {"dog's IMG_2034.jpg", "dog's IMG_2034.jpg", "", "dog|s|IMG|2034|jpg"},
        {"The Of", "The Of", "", "The|Of"},
        {"Café 東京", "Café 東京", "", "Café|東京"},
        {"\xff dog \xc3", "\xff dog \xc3", "", "dog"},
        {"!!!", "!!!", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct query_text text;
        struct error err = {0};
        char joined[256];
        if (!query_text_parse(cases[i].query, &text, &err))
            fail_msg("%s: %s", cases[i].query, err.text);
        assert_string_equal(text.positive, cases[i].positive);
        join(text.negated, text.negated_count, joined);
        assert_string_equal(joined, cases[i].negated);
        join(text.words, text.word_count, joined);
        assert_string_equal(joined, cases[i].words);
        query_text_clear(&text);
    }
}

static void what_cannot_be_searched_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "   ", "-people", " -a -b "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct query_text text;
        struct error err = {0};
        assert_false(query_text_parse(wrong[i], &text, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        query_text_clear(&text);
    }
}

static void numbers_of_words_are_bounded(void **state) {
    (void)state;
    char query[4096] = "x";
    struct query_text text;
    struct error err = {0};
    for (int i = 0; i < 100; i++) strcat(query, " word");
    assert_true(query_text_parse(query, &text, &err));
    assert_int_equal(text.word_count, STORE_WORDS_MAX);
    assert_int_equal(strlen(text.positive), strlen(query));
    query_text_clear(&text);
    for (int i = 0; i <= STORE_WORDS_MAX; i++) strcat(query, " -no");
    assert_false(query_text_parse(query, &text, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    query_text_clear(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_taken_apart),
        cmocka_unit_test(what_cannot_be_searched_is_refused),
        cmocka_unit_test(numbers_of_words_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
