// The summary as lines: rates, units, what is missing, what must not reach a terminal.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/summary_text.h"
#include "base/memory.h"

static json_t *read(const char *text) {
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static char *write(const json_t *now, const json_t *before, double seconds) {
    size_t size;
    char *text = summary_text_create(
        &(struct summary_view){.now = now, .before = before, .seconds = seconds}, &size);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    return text;
}

static void test_rates_between_two_answers(void **state) {
    (void)state;
    json_t *before = read(
        "{\"requests\": {\"uploads\": {\"answered\": 10}, \"other\": {\"answered\": "
        "9}}, \"stages\": {\"embed\": {\"count\": 100}}}");
    json_t *now = read(
        "{\"requests\": {\"uploads\": {\"answered\": 25}, \"other\": {\"answered\": "
        "3}}, \"stages\": {\"embed\": {\"count\": 101, \"p50_s\": 0.0000123, "
        "\"p95_s\": 0.00345, \"p99_s\": 2.5}}}");
    char *text = write(now, before, 2);
    assert_non_null(strstr(text, "  uploads               25      7.5         0         0\n"));
    // The server has been started anew: less than before tells no rate.
    assert_non_null(strstr(text, "  other                  3                  0         0\n"));
    assert_non_null(
        strstr(text, "  embed                101      0.5     12 us   3.45 ms    2.50 s\n"));
    memory_free(text);
    text = write(now, NULL, 0);
    assert_null(strstr(text, "per s"));
    assert_null(strstr(text, "7.5"));
    memory_free(text);
    json_decref(before);
    json_decref(now);
}

static void test_what_is_missing(void **state) {
    (void)state;
    json_t *now = read("{}");
    char *text = write(now, now, 1);
    assert_non_null(strstr(text, "uploads   new -  known -  refused -  failed -\n"));
    assert_non_null(strstr(text, "store     - DOWN"));
    assert_null(strstr(text, "cloud     "));
    memory_free(text);
    json_decref(now);
    now = read("{\"requests\": [], \"stages\": 7, \"cloud\": {}, \"cost\": [], \"version\": 5}");
    memory_free(write(now, now, 1));
    json_decref(now);
}

static void test_names_are_no_orders_to_a_terminal(void **state) {
    (void)state;
    json_t *now = read(
        "{\"version\": \"1\\u001b[2J\", \"store\": {\"name\": \"a\\nb\\u007f\"}, "
        "\"cost\": {\"today_usd\": 0.5, \"budget_usd\": 5}, "
        "\"cloud\": [{\"name\": \"\\u0007\\u009b\", \"breaker\": \"open\"}]}");
    char *text = write(now, NULL, 0);
    assert_null(strchr(text, 0x1b));
    assert_null(strchr(text, 0x07));
    assert_null(strstr(text, "\xc2\x9b"));  // the same order in one character
    assert_non_null(strstr(text, "store     a?b? DOWN"));
    assert_non_null(strstr(text, "cloud     $0.5000 of $5.00 today  ??"));
    memory_free(text);
    json_decref(now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_between_two_answers),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_names_are_no_orders_to_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
