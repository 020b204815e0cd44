#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "mcp/schema_check.h"

static const char schema_text[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"q\"],\"properties\":{"
    "\"q\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":3},"
    "\"k\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50},"
    "\"x\":{\"type\":\"number\",\"minimum\":-1,\"maximum\":1},"
    "\"m\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},"
    "\"f\":{\"type\":\"boolean\"},"
    "\"t\":{\"type\":\"array\",\"maxItems\":2,\"items\":{\"type\":\"string\",\"minLength\":1}},"
    "\"o\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"d\":{\"type\":"
    "\"string\"}}}}}";

// "" when it is accepted, else the sentence.
static void check(const char *value_text, char text[static ERROR_TEXT_SIZE]) {
    struct error err = {0};
    json_t *schema = json_loads(schema_text, 0, NULL);
    json_t *value = json_loads(value_text, JSON_DECODE_ANY, NULL);
    assert_non_null(schema);
    assert_non_null(value);
    bool is_good = schema_check(schema, value, "tool", &err);
    assert_int_equal(is_good, err.kind == ERROR_NONE);
    assert_true(is_good || err.kind == ERROR_INVALID);
    memcpy(text, err.text, ERROR_TEXT_SIZE);
    json_decref(value);
    json_decref(schema);
}

static void what_fits_is_taken(void **state) {
    (void)state;
    static const char *const values[] = {
        "{\"q\":\"abc\"}",
        "{\"q\":\"\\u00e4\\u00f6\\ud83d\\ude00\"}",  // three characters, however many bytes
        "{\"q\":\"a\",\"k\":1,\"x\":-1,\"m\":\"b\",\"f\":true}",
        "{\"q\":\"a\",\"t\":[\"u\",\"v\"],\"o\":{\"d\":\"\"}}",
        "{\"q\":\"a\",\"k\":50.0,\"x\":0.5,\"f\":false,\"t\":[],\"o\":{}}",
        "{\"q\":\"a\",\"x\":1}",
    };
    char text[ERROR_TEXT_SIZE];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        check(values[i], text);
        assert_string_equal(text, "");
    }
}

static void what_does_not_is_told(void **state) {
    (void)state;
    static const struct {
        const char *value, *sentence;
    } cases[] = {
        {"7", "tool must be of the type object."},
        {"{}", "tool must have the member q."},
        {"{\"q\":null}", "q must be of the type string."},
        {"{\"q\":\"\"}", "q must not be empty."},
        {"{\"q\":\"abcd\"}", "q has more than 3 characters; shorten it."},
        {"{\"q\":\"a\",\"limit\":3}", "tool takes no \"limit\", only q, k, x, m, f, t, o."},
        {"{\"q\":\"a\",\"k\":0}", "k must be from 1 to 50."},
        {"{\"q\":\"a\",\"k\":51}", "k must be from 1 to 50."},
        {"{\"q\":\"a\",\"k\":1.5}", "k must be of the type integer."},
        {"{\"q\":\"a\",\"k\":\"1\"}", "k must be of the type integer."},
        {"{\"q\":\"a\",\"x\":1.01}", "x must be from -1 to 1."},
        {"{\"q\":\"a\",\"x\":true}", "x must be of the type number."},
        {"{\"q\":\"a\",\"m\":\"c\"}", "m must be one of a, b."},
        {"{\"q\":\"a\",\"m\":1}", "m must be of the type string."},
        {"{\"q\":\"a\",\"f\":0}", "f must be of the type boolean."},
        {"{\"q\":\"a\",\"t\":\"u\"}", "t must be of the type array."},
        {"{\"q\":\"a\",\"t\":[\"u\",\"v\",\"w\"]}", "t has more than 2 entries."},
        {"{\"q\":\"a\",\"t\":[\"u\",1]}", "every entry of t must be of the type string."},
        {"{\"q\":\"a\",\"t\":[\"\"]}", "every entry of t must not be empty."},
        {"{\"q\":\"a\",\"o\":[]}", "o must be of the type object."},
        {"{\"q\":\"a\",\"o\":{\"e\":1}}", "o takes no \"e\", only d."},
        {"{\"q\":\"a\",\"o\":{\"d\":1}}", "d must be of the type string."},
    };
    char text[ERROR_TEXT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(cases[i].value, text);
        assert_string_equal(text, cases[i].sentence);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_taken),
        cmocka_unit_test(what_does_not_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
