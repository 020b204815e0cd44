#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void test_first_error_wins(void **state) {
    (void)state;
    struct error err = {0};
    assert_false(error_set(&err, ERROR_NOT_FOUND, "no image has the id %s", "abc"));
    assert_false(error_set(&err, ERROR_INTERNAL, "later"));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(err.text, "no image has the id abc");
}

static void test_wrap_puts_context_before(void **state) {
    (void)state;
    struct error err = {0};
    error_wrap(&err, "ignored while there is no error");
    assert_string_equal(err.text, "");
    error_set(&err, ERROR_INVALID, "it is damaged");
    error_wrap(&err, "photo %d", 7);
    assert_string_equal(err.text, "photo 7: it is damaged");
}

static void test_long_texts_are_cut(void **state) {
    (void)state;
    char text[2 * ERROR_TEXT_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct error err = {0};
    error_set(&err, ERROR_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
    error_wrap(&err, "context");
    assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
    assert_memory_equal(err.text, "context: xxx", 12);
}

static void test_null_is_allowed(void **state) {
    (void)state;
    assert_false(error_set(NULL, ERROR_INVALID, "nobody listens"));
    assert_false(error_wrap(NULL, "nobody listens"));
    error_clear(NULL);
}

static void test_every_kind_has_a_status_and_a_name(void **state) {
    (void)state;
    for (int kind = ERROR_NONE + 1; kind < ERROR_KIND_COUNT; kind++) {
        assert_in_range(error_http_status((enum error_kind)kind), 400, 599);
        assert_int_equal(error_exit_code((enum error_kind)kind), kind == ERROR_USAGE ? 2 : 1);
        assert_non_null(error_kind_name((enum error_kind)kind));
        for (int other = ERROR_NONE; other < kind; other++)
            assert_string_not_equal(error_kind_name((enum error_kind)kind),
                                    error_kind_name((enum error_kind)other));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_error_wins),
        cmocka_unit_test(test_wrap_puts_context_before),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_every_kind_has_a_status_and_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
