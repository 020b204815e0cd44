#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "base/base64.h"
#include "base/memory.h"

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

static void check_decoded(const char *text, const void *bytes, size_t size) {
    bool is_valid = false;
    size_t decoded_size = 99;
    uint8_t *decoded = base64_decode_create(text, strlen(text), &decoded_size, &is_valid);
    assert_non_null(decoded);
    assert_true(is_valid);
    assert_int_equal(decoded_size, size);
    if (size > 0) assert_memory_equal(decoded, bytes, size);
    memory_free(decoded);
}

static void what_was_encoded_comes_back(void **state) {
    (void)state;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        struct byte_buffer buffer;
        byte_buffer_init(&buffer, 1000);
        assert_true(base64_append(&buffer, bytes, size));
        check_decoded(buffer.bytes != NULL ? buffer.bytes : "", bytes, size);
        byte_buffer_clear(&buffer);
    }
}

static void other_forms_are_understood(void **state) {
    (void)state;
    check_decoded("-__-", "\xfb\xff\xfe", 3);  // the alphabet of addresses
    check_decoded("Zg", "f", 1);               // without padding
    check_decoded("Zm8", "fo", 2);
    check_decoded(" Zm\r\n9v\tYg = = \n", "foob", 4);
}

static void anything_else_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Z",      "Zm9vY", "Zg=",     "Zg===", "Zm9v=",    "=",
        "Zg==Zg", "Zm9v!", "Zm 9v\v", "Z*==",  "Zm9v====", "\xc3\xa9\xc3\xa9"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool is_valid = true;
        size_t size;
        assert_null(base64_decode_create(texts[i], strlen(texts[i]), &size, &is_valid));
        assert_false(is_valid);
    }
    memory_fail_nth(1, false);
    bool is_valid = false;
    size_t size;
    assert_null(base64_decode_create("Zg==", 4, &size, &is_valid));
    assert_true(is_valid);
    memory_fail_nth(0, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(base64_of_much_is_of_one_piece),
        cmocka_unit_test(what_was_encoded_comes_back),
        cmocka_unit_test(other_forms_are_understood),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
