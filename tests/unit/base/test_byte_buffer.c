#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/byte_buffer.h"
#include "base/memory.h"

static void test_pieces_add_up(void **state) {
    (void)state;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, 1000);
    assert_true(byte_buffer_append_text(&buffer, "one "));
    assert_true(byte_buffer_append_format(&buffer, "%d ", 22));
    assert_true(byte_buffer_append(&buffer, "a\0b", 3));
    assert_int_equal(buffer.size, 10);
    assert_memory_equal(buffer.bytes, "one 22 a\0b", 11);  // and the closing NUL
    byte_buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
}

static void test_the_ceiling_holds_at_every_size(void **state) {
    (void)state;
    for (size_t max = 0; max < 600; max += 7) {
        struct byte_buffer buffer;
        byte_buffer_init(&buffer, max);
        for (size_t i = 0; i < max; i++) assert_true(byte_buffer_append(&buffer, "x", 1));
        assert_false(byte_buffer_append(&buffer, "x", 1));
        assert_int_equal(buffer.size, max);
        assert_true(buffer.has_failed);
        assert_null(byte_buffer_take(&buffer, NULL));
    }
}

static void test_many_appends_need_few_allocations(void **state) {
    (void)state;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, 100000);
    size_t growths = 0, capacity = 0;
    for (size_t i = 0; i < 100000; i++) {
        assert_true(byte_buffer_append(&buffer, "x", 1));
        growths += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    assert_true(growths < 20);
    assert_true(buffer.capacity <= 100001);
    byte_buffer_clear(&buffer);
}

static void test_take_hands_over(void **state) {
    (void)state;
    struct byte_buffer buffer;
    size_t size;
    byte_buffer_init(&buffer, 100);
    byte_buffer_append_text(&buffer, "mine");
    char *bytes = byte_buffer_take(&buffer, &size);
    assert_string_equal(bytes, "mine");
    assert_int_equal(size, 4);
    memory_free(bytes);
    assert_null(byte_buffer_take(&buffer, &size));
    assert_int_equal(size, 0);
}

static void test_no_memory_fails_and_stays_failed(void **state) {
    (void)state;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, 100);
    memory_fail_nth(1, false);
    assert_false(byte_buffer_append_text(&buffer, "x"));
    memory_fail_nth(0, false);
    assert_false(byte_buffer_append_format(&buffer, "%d", 1));
    byte_buffer_clear(&buffer);
    assert_true(byte_buffer_append_text(&buffer, "x"));
    byte_buffer_clear(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_add_up),
        cmocka_unit_test(test_the_ceiling_holds_at_every_size),
        cmocka_unit_test(test_many_appends_need_few_allocations),
        cmocka_unit_test(test_take_hands_over),
        cmocka_unit_test(test_no_memory_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
