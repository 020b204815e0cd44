// What all providers share, without a network: captions, what a status means, words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/provider_private.h"

static void captions_become_one_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *caption;  // NULL: none
    } rows[] = {
        {"A dog.", "A dog."},
        {"  A dog. ", "A dog."},
        {"A\r\n\tdog.\n", "A dog."},
        {"A\x07\x7f dog\x1b.", "A dog ."},
        {"\"A dog.\"", "A dog."},
        {" \"A dog.\" \n", "A dog."},
        {"\" A dog. \"", "A dog."},
        {"A \"good\" dog", "A \"good\" dog"},
        {"\"A\" and \"B\"", "A\" and \"B"},
        {"\"A dog.", "\"A dog."},
        {"\"", "\""},
        {"Hündchen", "Hündchen"},
        {"", NULL},
        {" \n\t\x01", NULL},
        {"\"\"", NULL},
        {"\" \"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char caption[CLOUD_CAPTION_SIZE];
        bool is_there = provider_caption_copy(caption, rows[i].text);
        assert_int_equal(is_there, rows[i].caption != NULL);
        assert_string_equal(caption, is_there ? rows[i].caption : "");
    }
}

// At every place that the end can have within characters of one to four bytes.
static void long_captions_are_cut_between_characters(void **state) {
    (void)state;
    static const char *const characters[] = {"x", "é", "€", "🚤"};
    for (size_t which = 0; which < 4; which++) {
        for (size_t before = 0; before < 8; before++) {
            char text[3000] = "", caption[CLOUD_CAPTION_SIZE];
            size_t width = strlen(characters[which]), used = before;
            memset(text, 'a', before);
            while (used + width < sizeof text) {
                memcpy(text + used, characters[which], width);
                used += width;
            }
            assert_true(provider_caption_copy(caption, text));
            size_t room = (CLOUD_CAPTION_SIZE - 1 - before) / width * width;
            assert_int_equal(strlen(caption), before + room);
            assert_memory_equal(caption, text, before + room);
        }
    }
}

static void statuses_have_outcomes(void **state) {
    (void)state;
    static const struct {
        long status;
        enum cloud_outcome outcome;
    } rows[] = {
        {400, CLOUD_REFUSED}, {401, CLOUD_DENIED},  {402, CLOUD_BROKE},   {403, CLOUD_DENIED},
        {404, CLOUD_REFUSED}, {408, CLOUD_FAILED},  {413, CLOUD_REFUSED}, {415, CLOUD_REFUSED},
        {422, CLOUD_REFUSED}, {429, CLOUD_LIMITED}, {499, CLOUD_REFUSED}, {500, CLOUD_FAILED},
        {502, CLOUD_FAILED},  {503, CLOUD_FAILED},  {504, CLOUD_FAILED},  {529, CLOUD_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(provider_outcome_of_status(rows[i].status), rows[i].outcome);
}

static void failures_have_printable_words(void **state) {
    (void)state;
    struct cloud_failure failure = {.may_cost = true, .input_tokens = 7};
    assert_false(provider_fail(&failure, CLOUD_FAILED, "one%stwo\x7f%d", "\n\x1b", 3));
    assert_string_equal(failure.words, "one  two 3");
    assert_int_equal(failure.outcome, CLOUD_FAILED);
    assert_int_equal(failure.retry_after_ms, -1);
    assert_int_equal(failure.input_tokens, -1);
    assert_int_equal(failure.output_tokens, -1);
    assert_int_equal(failure.cost_nano_usd, -1);
    assert_false(failure.may_cost);
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(provider_fail(&failure, CLOUD_BROKE, "%s", text));
    assert_int_equal(strlen(failure.words), CLOUD_REASON_SIZE - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captions_become_one_line),
        cmocka_unit_test(long_captions_are_cut_between_characters),
        cmocka_unit_test(statuses_have_outcomes),
        cmocka_unit_test(failures_have_printable_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
