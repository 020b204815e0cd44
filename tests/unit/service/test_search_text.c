// What is read from the texts of a search; what is wrong is told by the tests of both their users.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service/search_text.h"

static void nothing_given_is_nothing_asked(void **state) {
    (void)state;
    struct search_text text = {.lists = NULL};
    struct search_request request = {.query = "a dog"};
    struct search_text_fault fault;
    assert_true(search_text_read(&text, &request, &fault));
    assert_int_equal(request.mode, SEARCH_SEMANTIC);
    assert_int_equal(request.score_bound, SCORE_UNBOUNDED);
    assert_null(request.filter.ids);
    assert_null(request.filter.origin);
    assert_int_equal(request.filter.tag_count, 0);
    assert_int_equal(request.filter.caption_word_count, 0);
    assert_int_equal(request.filter.created_from_ms, 0);
    search_text_clear(&text);
}

static void everything_given_is_read(void **state) {
    (void)state;
    struct search_text text = {.values = {"hybrid", "-0.25", "beach,summer sun", "dog", "a,b,c",
                                          "1970-01-02", "1970-01-01T00:00:01Z", "local"}};
    struct search_request request = {.query = "a dog"};
    struct search_text_fault fault;
    assert_true(search_text_read(&text, &request, &fault));
    const struct store_filter *filter = &request.filter;
    assert_int_equal(request.mode, SEARCH_HYBRID);
    assert_int_equal(request.score_bound, SCORE_AT_LEAST);
    assert_true(request.min_score == -0.25F);
    assert_int_equal(filter->tag_count, 2);
    assert_string_equal(filter->tags[0], "beach");
    assert_string_equal(filter->tags[1], "summer sun");
    assert_int_equal(filter->caption_word_count, 1);
    assert_string_equal(filter->caption_words[0], "dog");
    assert_int_equal(filter->id_count, 3);
    assert_string_equal(filter->ids[2], "c");
    assert_int_equal(filter->created_from_ms, 86400000);
    assert_int_equal(filter->created_until_ms, 1000);
    assert_string_equal(filter->origin, "local");
    search_text_clear(&text);
}

static void the_first_fault_is_told(void **state) {
    (void)state;
    static const struct {
        enum search_text_field field;
        const char *value;
    } wrong[] = {
        {SEARCH_TEXT_MODE, ""},           {SEARCH_TEXT_MODE, "Semantic"},
        {SEARCH_TEXT_MIN_SCORE, "0x1"},   {SEARCH_TEXT_MIN_SCORE, "1.01"},
        {SEARCH_TEXT_MIN_SCORE, " 1"},    {SEARCH_TEXT_MIN_SCORE, "inf"},
        {SEARCH_TEXT_TAGS, ""},           {SEARCH_TEXT_TAGS, "a,"},
        {SEARCH_TEXT_WORDS, "dog,-"},     {SEARCH_TEXT_IDS, ",a"},
        {SEARCH_TEXT_FROM, "2026-13-01"}, {SEARCH_TEXT_UNTIL, "1969-12-31"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct search_text text = {.lists = NULL};
        struct search_request request = {.query = "a dog"};
        struct search_text_fault fault;
        text.values[wrong[i].field] = wrong[i].value;
        if (search_text_read(&text, &request, &fault)) fail_msg("%s was read", wrong[i].value);
        assert_int_equal(fault.field, wrong[i].field);
        assert_memory_equal(fault.rule, "must ", 5);
        assert_int_equal(fault.rule[strlen(fault.rule) - 1], '.');
        search_text_clear(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_nothing_asked),
        cmocka_unit_test(everything_given_is_read),
        cmocka_unit_test(the_first_fault_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
