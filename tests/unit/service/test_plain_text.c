// Names from outside: cut between characters, mended, and stripped of what steers a display.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "service/plain_text.h"

static void text_is_mended(void **state) {
    (void)state;
    const struct {
        const char *given, *expected;
    } cases[] = {
        {"", ""},
        {"plain.jpg", "plain.jpg"},
        {"Größe 猫 🐈.png", "Größe 猫 🐈.png"},
        {"👩\u200d🚀", "👩\u200d🚀"},          // a joined emoji stays whole
        {"a\x01\x1f\x7f\xc2\x85z", "az"},  // controls, C1 too
        {"gpj.\u202e"
         "exe\u2066",
         "gpj.exe"},  // the direction is not turned
        {"a\u2028"
         "b\u2029",
         "ab"},                                                    // line separators
        {"\xff", "\xef\xbf\xbd"},                                  // no UTF-8
        {"\xc3(", "\xef\xbf\xbd("},                                // cut in the middle
        {"\xe7\x8c", "\xef\xbf\xbd\xef\xbf\xbd"},                  // cut at the end
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},                  // overlong NUL
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // surrogate
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // too high
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char copy[64];
        plain_text_copy(copy, sizeof copy, cases[i].given);
        assert_string_equal(copy, cases[i].expected);
    }
}

static void text_is_cut_between_characters(void **state) {
    (void)state;
    const char *text = "aß猫🐈";  // 1, 2, 3 and 4 bytes
    const size_t kept[] = {0, 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t size = 1; size < sizeof kept / sizeof kept[0]; size++) {
        char copy[16];
        memset(copy, 'x', sizeof copy);
        plain_text_copy(copy, size, text);
        assert_int_equal(strlen(copy), kept[size]);
        assert_memory_equal(copy, text, kept[size]);
        for (size_t i = size; i < sizeof copy; i++) assert_int_equal(copy[i], 'x');
    }
}

static void blanks_are_blank(void **state) {
    (void)state;
    assert_true(plain_text_is_blank(""));
    assert_true(plain_text_is_blank(" \t\v\f\r\n\u00a0\u2003\u3000\u2028"));
    assert_false(plain_text_is_blank("  a"));
    assert_false(plain_text_is_blank("猫"));
    assert_false(plain_text_is_blank("\xff"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_mended),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(blanks_are_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
