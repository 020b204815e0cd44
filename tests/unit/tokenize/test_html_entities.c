#include "tokenize/html_entities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden_rows.h"
#include "tokenize/code_points.h"

static void check_name(void *context, char *reference, char *wanted_text) {
    (void)context;
    size_t count, wanted_count;
    int32_t *points = code_points_create(reference, &count, NULL);
    int32_t *wanted = code_points_create(wanted_text, &wanted_count, NULL);
    assert_true(points != NULL && wanted != NULL);
    count = html_unescape(points, count);
    assert_ids_equal(reference, points, count, wanted, wanted_count);
    memory_free(points);
    memory_free(wanted);
}

static void test_every_name(void **state) {
    (void)state;
    assert_int_equal(for_each_row("html_names.txt", check_name, NULL), 259 + 106);
}

static void test_one_call_unescapes_once(void **state) {
    (void)state;
    check_name(NULL, (char[]){"&amp;amp;lt;"}, (char[]){"&amp;lt;"});
    check_name(NULL, (char[]){"&#38;lt;"}, (char[]){"&lt;"});
}

static void test_what_is_no_reference_stays(void **state) {
    (void)state;
    static const char *const texts[] = {"&",
                                        "&;",
                                        "&&",
                                        "&#",
                                        "&#;",
                                        "&#x",
                                        "&#x;",
                                        "&#xg",
                                        "& lt;",
                                        "&l t;",
                                        "&Aacutes",
                                        "&hellip",
                                        "&CounterClockwiseContourIntegral;",
                                        "&\xC3\xA9;",
                                        "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[64], same[64];
        memcpy(text, texts[i], strlen(texts[i]) + 1);
        memcpy(same, texts[i], strlen(texts[i]) + 1);
        if (strcmp(text, "&Aacutes") == 0) memcpy(same, "\xC3\x81s", 4);  // a legacy name within
        check_name(NULL, text, same);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name),
        cmocka_unit_test(test_one_call_unescapes_once),
        cmocka_unit_test(test_what_is_no_reference_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
