#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "weights/weights.h"

// What the half means, by the definition: sign, 2^(exponent - 15), 1.fraction or 0.fraction.
static double half_value(uint32_t half) {
    double fraction = half & 0x3FF, sign = (half & 0x8000) != 0 ? -1 : 1;
    int exponent = (int)(half >> 10) & 0x1F;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

static void test_every_half(void **state) {
    (void)state;
    uint16_t halves[1 << 16];
    static float floats[1 << 16];
    for (uint32_t i = 0; i < 1 << 16; i++) halves[i] = (uint16_t)i;
    struct tensor tensor = {.type = TENSOR_F16,
                            .count = 1 << 16,
                            .data = (const unsigned char *)halves,
                            .size_bytes = sizeof halves};
    tensor_copy_f32(&tensor, floats);
    for (uint32_t i = 0; i < 1 << 16; i++) {
        bool is_negative = (i & 0x8000) != 0;
        assert_int_equal(signbit(floats[i]) != 0, is_negative);
        if ((i & 0x7C00) != 0x7C00) {
            if ((double)floats[i] != half_value(i))
                fail_msg("half %#x became %g", i, (double)floats[i]);
        } else if ((i & 0x3FF) == 0) {
            assert_true(isinf(floats[i]));
        } else {
            assert_true(isnan(floats[i]));
        }
    }
}

static void test_bfloat16_is_the_upper_half_of_a_float(void **state) {
    (void)state;
    unsigned char bytes[] = {0,    0x80, 0x3F, 0x80, 0xFF, 0xC0,
                             0x7F, 0x01, 0x00, 0x00, 0x80};  // from the second byte on: unaligned
    struct tensor tensor = {.type = TENSOR_BF16, .count = 5, .data = bytes + 1, .size_bytes = 10};
    float floats[5];
    tensor_copy_f32(&tensor, floats);
    assert_true(floats[0] == 1.0f);
    assert_true(isinf(floats[1]) && floats[1] < 0);
    assert_true(isnan(floats[2]));
    assert_true(floats[3] == 0x1p-133f);  // the smallest bfloat16
    assert_true(floats[4] == 0.0f && signbit(floats[4]));
}

static void test_only_aligned_floats_are_borrowed(void **state) {
    (void)state;
    _Alignas(16) unsigned char bytes[16];
    const float values[] = {1.5f, -2.0f};
    for (size_t shift = 0; shift < 5; shift++) {
        memcpy(bytes + shift, values, sizeof values);
        struct tensor tensor = {
            .type = TENSOR_F32, .count = 2, .data = bytes + shift, .size_bytes = sizeof values};
        const float *borrowed = tensor_borrow_f32(&tensor);
        if (shift % 4 == 0)
            assert_ptr_equal(borrowed, bytes + shift);
        else
            assert_null(borrowed);
        float copy[2] = {0};
        tensor_copy_f32(&tensor, copy);
        assert_memory_equal(copy, values, sizeof values);
    }
    struct tensor half = {.type = TENSOR_F16, .count = 2, .data = bytes, .size_bytes = 4};
    assert_null(tensor_borrow_f32(&half));
}

static void test_an_empty_tensor_is_copied(void **state) {
    (void)state;
    float untouched = 7;
    struct tensor tensor = {.type = TENSOR_F32, .rank = 1};
    tensor_copy_f32(&tensor, &untouched);
    assert_true(untouched == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_bfloat16_is_the_upper_half_of_a_float),
        cmocka_unit_test(test_only_aligned_floats_are_borrowed),
        cmocka_unit_test(test_an_empty_tensor_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
