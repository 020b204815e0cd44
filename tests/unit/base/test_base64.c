#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

static void check_base64(const void *bytes, size_t size, const char *text) {
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, 1000);
    assert_true(byte_buffer_append_text(&buffer, "<"));
    assert_true(base64_append(&buffer, bytes, size));
    assert_int_equal(buffer.size, 1 + strlen(text));
    assert_string_equal(buffer.bytes + 1, text);
    byte_buffer_clear(&buffer);
}

// The vectors of RFC 4648, section 10.
static void base64_is_that_of_the_rfc(void **state) {
    (void)state;
    static const char *const texts[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t size = 0; size < 7; size++) check_base64("foobar", size, texts[size]);
    check_base64("\xfb\xff\xfe", 3, "+//+");
}

// Longer than the pieces it is made in: no padding where two of them meet, and the last one whole.
static void base64_of_much_is_of_one_piece(void **state) {
    (void)state;
    static uint8_t bytes[3 * 12288 + 1];
    struct byte_buffer buffer;
    for (size_t size = sizeof bytes - 3; size <= sizeof bytes; size++) {
        byte_buffer_init(&buffer, 100 * 1000);
        assert_true(base64_append(&buffer, bytes, size));
        assert_int_equal(buffer.size, (size + 2) / 3 * 4);
        size_t padding = (3 - size % 3) % 3;
        for (size_t i = 0; i < buffer.size; i++)
            assert_int_equal(buffer.bytes[i], i < buffer.size - padding ? 'A' : '=');
        byte_buffer_clear(&buffer);
    }
    byte_buffer_init(&buffer, 20 * 1000);
    assert_false(base64_append(&buffer, bytes, sizeof bytes));
    byte_buffer_clear(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(base64_of_much_is_of_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
