// Receipts as texts and back, and what is read of texts that nobody of us wrote.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/receipt.h"

enum { MUTATIONS = 5000 };

static const struct receipt sample = {
    .reason = "low_confidence",
    .words = "the local model is \"not\" sure: 0.41 < 0.55 №",
    .provider = "openrouter",
    .variant = "b",
    .local_ms = 412.125,
    .cloud_ms = 1203.5,
    .route_ms = 0.042,
    .cost_nano_usd = 9007199254740993,  // 2^53 + 1: a double would round it
    .is_cost_estimated = true,
};

static struct receipt read_valid(const char *text) {
    struct receipt receipt;
    struct error err = {0};
    if (!receipt_read(text, &receipt, &err)) fail_msg("%s: %s", text, err.text);
    return receipt;
}

static void assert_none(const struct receipt *receipt) {
    const struct receipt none = {0};
    assert_memory_equal(receipt, &none, sizeof none);
}

static void a_receipt_is_this_text(void **state) {
    (void)state;
    char text[RECEIPT_TEXT_SIZE];
    receipt_write(&sample, text);
    assert_string_equal(text,
                        "{\"reason\":\"low_confidence\","
                        "\"words\":\"the local model is \\\"not\\\" sure: 0.41 < 0.55 №\","
                        "\"provider\":\"openrouter\",\"variant\":\"b\",\"local_ms\":412.125,"
                        "\"cloud_ms\":1203.5,\"route_ms\":0.042,"
                        "\"cost_nano_usd\":9007199254740993,\"is_cost_estimated\":true,"
                        "\"is_cached\":false}");
    struct receipt found = read_valid(text);
    assert_memory_equal(&found, &sample, sizeof found);
}

static void whose_tags_they_are_is_kept(void **state) {
    (void)state;
    char text[RECEIPT_TEXT_SIZE];
    struct receipt receipt = sample;
    receipt.tags_digest = UINT32_MAX;
    receipt_write(&receipt, text);
    struct receipt found = read_valid(text);
    assert_memory_equal(&found, &receipt, sizeof found);
    struct error err = {0};
    assert_false(receipt_read("{\"reason\":\"x\",\"tags_digest\":4294967296}", &found, &err));
    error_clear(&err);
    assert_false(receipt_read("{\"reason\":\"x\",\"tags_digest\":-1}", &found, &err));
}

static void no_receipt_is_no_text(void **state) {
    (void)state;
    char text[RECEIPT_TEXT_SIZE] = "x";
    struct receipt receipt = sample;
    receipt.reason[0] = '\0';
    receipt_write(&receipt, text);
    assert_string_equal(text, "");
    receipt = sample;
    assert_true(receipt_read("", &receipt, NULL));
    assert_none(&receipt);
}

static void numbers_are_always_numbers(void **state) {
    (void)state;
    static const struct {
        double ms;
        double kept;
    } cases[] = {
        {0.0 / 0.0, 0}, {-1, 0},           {-0.0, 0},       {1e300, 1e9},       {1.0 / 0.0, 1e9},
        {0.0004, 0},    {0.0005, 0.001},   {0.1, 0.1},      {86400000, 864e5},  {-1.0 / 0.0, 0},
        {1e9, 1e9},     {12.3456, 12.346}, {0.0015, 0.002}, {999999.9999, 1e6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[RECEIPT_TEXT_SIZE], again[RECEIPT_TEXT_SIZE];
        struct receipt receipt = {.reason = "local_sure",
                                  .local_ms = cases[i].ms,
                                  .cloud_ms = cases[i].ms,
                                  .route_ms = cases[i].ms,
                                  .cost_nano_usd = -1};
        receipt_write(&receipt, text);
        receipt = read_valid(text);
        assert_true(receipt.local_ms == cases[i].kept && receipt.cloud_ms == cases[i].kept &&
                    receipt.route_ms == cases[i].kept);
        assert_true(receipt.cost_nano_usd == 0);
        receipt_write(&receipt, again);
        assert_string_equal(again, text);
    }
}

// Whatever bytes a text has, what is written of it is UTF-8 without line breaks, and fits.
static void odd_texts_are_mended(void **state) {
    (void)state;
    char text[RECEIPT_TEXT_SIZE];
    struct receipt receipt = sample;
    (void)snprintf(receipt.words, sizeof receipt.words, "one\ntwo\x7f\xff\xc3");
    receipt_write(&receipt, text);
    receipt = read_valid(text);
    assert_string_equal(receipt.words, "one two ??");
    for (int byte = 1; byte < 256; byte++) {
        receipt = sample;
        memset(receipt.reason, byte, sizeof receipt.reason - 1);
        memset(receipt.words, byte, sizeof receipt.words - 1);
        memset(receipt.provider, byte, sizeof receipt.provider - 1);
        memset(receipt.variant, byte, sizeof receipt.variant - 1);
        receipt.local_ms = receipt.cloud_ms = receipt.route_ms = 999999999.999;
        receipt.cost_nano_usd = INT64_MAX;
        receipt_write(&receipt, text);
        assert_null(strchr(text, '\n'));
        receipt = read_valid(text);
        assert_int_equal(strlen(receipt.words), sizeof receipt.words - 1);
        assert_int_equal(strlen(receipt.variant), sizeof receipt.variant - 1);
        assert_true(receipt.cost_nano_usd == INT64_MAX && receipt.route_ms == 999999999.999);
    }
}

static void other_versions_are_read(void **state) {
    (void)state;
    struct receipt receipt = read_valid(
        " {\"reason\": \"local_sure\", \"local_ms\": 7, \"model\": [\"new\"], \"more\": {\"a\": "
        "1}} ");
    assert_string_equal(receipt.reason, "local_sure");
    assert_true(receipt.local_ms == 7);
    const char *const without_reason[] = {"{}", "{\"words\":\"w\",\"cost_nano_usd\":3}",
                                          "{\"reason\":\"\",\"is_cached\":true}"};
    for (size_t i = 0; i < sizeof without_reason / sizeof *without_reason; i++) {
        receipt = read_valid(without_reason[i]);
        assert_none(&receipt);
    }
}

static void assert_refused(const char *text) {
    struct receipt receipt = sample;
    struct error err = {0};
    if (receipt_read(text, &receipt, &err)) fail_msg("taken: %s", text);
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_none(&receipt);
}

static void other_texts_are_refused(void **state) {
    (void)state;
    static const char *const members[] = {
        "\"reason\":7",
        "\"reason\":null",
        "\"reason\":[\"local_sure\"]",
        "\"reason\":\"01234567890123456789012345678901\"",
        "\"words\":true",
        "\"words\":\"a\\u0000b\"",
        "\"words\":\"a\\nb\"",
        "\"words\":\"a\\u007fb\"",
        "\"words\":\"\xff\"",
        "\"provider\":{}",
        "\"provider\":\"0123456789012345678901234567890123456789012345678901234567890123\"",
        "\"variant\":0",
        "\"variant\":\"0123456789012345678901234567890123456789012345678901234567890123\"",
        "\"local_ms\":\"1\"",
        "\"local_ms\":null",
        "\"local_ms\":-1",
        "\"local_ms\":NaN",
        "\"cloud_ms\":1e10",
        "\"cloud_ms\":1e999",
        "\"cloud_ms\":true",
        "\"route_ms\":[]",
        "\"cost_nano_usd\":1.5",
        "\"cost_nano_usd\":1e3",
        "\"cost_nano_usd\":-1",
        "\"cost_nano_usd\":\"1\"",
        "\"cost_nano_usd\":9223372036854775808",
        "\"is_cost_estimated\":1",
        "\"is_cost_estimated\":\"true\"",
        "\"is_cached\":null",
        "\"words\":\"a\",\"words\":\"b\"",
        "\"words\"",
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "{%s}", members[i]);
        assert_refused(text);
    }
    static const char *const texts[] = {"null", "7",    "\"a\"", "[]",  " ",
                                        "{",    "{}{}", "{} x",  "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) assert_refused(texts[i]);
}

static void long_texts_are_refused(void **state) {
    (void)state;
    char text[RECEIPT_TEXT_SIZE + 1];
    memset(text, ' ', sizeof text);
    memcpy(text, "{}", 2);
    text[RECEIPT_TEXT_SIZE - 1] = '\0';
    struct receipt receipt = read_valid(text);
    assert_none(&receipt);
    text[RECEIPT_TEXT_SIZE - 1] = ' ';
    text[RECEIPT_TEXT_SIZE] = '\0';
    assert_refused(text);
}

// What a changed text gives is refused, or a receipt that comes back as it is.
static void changed_bytes_are_borne(void **state) {
    (void)state;
    char valid[RECEIPT_TEXT_SIZE];
    unsigned dice = 1;
    receipt_write(&sample, valid);
    size_t size = strlen(valid), taken = 0;
    for (size_t cut = 1; cut < size; cut++) {
        char text[RECEIPT_TEXT_SIZE];
        (void)snprintf(text, cut + 1, "%s", valid);
        assert_refused(text);
    }
    for (int round = 0; round < MUTATIONS; round++) {
        char text[RECEIPT_TEXT_SIZE], again[RECEIPT_TEXT_SIZE];
        struct receipt receipt, second;
        memcpy(text, valid, size + 1);
        for (int i = 0; i < 2; i++) {
            dice = dice * 1664525U + 1013904223U;  // Numerical Recipes' generator
            text[(dice >> 8) % size] = (char)(dice >> 24);
        }
        if (!receipt_read(text, &receipt, NULL)) continue;
        taken++;
        receipt_write(&receipt, again);
        second = read_valid(again);
        assert_memory_equal(&second, &receipt, sizeof second);
    }
    assert_true(taken > MUTATIONS / 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_is_this_text),  cmocka_unit_test(whose_tags_they_are_is_kept),
        cmocka_unit_test(no_receipt_is_no_text),   cmocka_unit_test(numbers_are_always_numbers),
        cmocka_unit_test(odd_texts_are_mended),    cmocka_unit_test(other_versions_are_read),
        cmocka_unit_test(other_texts_are_refused), cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(changed_bytes_are_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
