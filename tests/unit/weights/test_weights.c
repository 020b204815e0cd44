#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "weight_files.h"

enum { MANY = 3000, MAX_ALLOCATIONS = 1000 };

static struct weights *open_or_fail(const char *path) {
    struct error err = {0};
    struct weights *weights = weights_open(path, &err);
    if (weights == NULL) fail_msg("%s", err.text);
    return weights;
}

static void test_what_is_there_is_found(void **state) {
    (void)state;
    const char *path = temporary_safetensors_write(
        "{\"b\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
        "\"ab\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}}",
        9);
    struct weights *weights = open_or_fail(path);
    assert_string_equal(weights_path(weights), path);
    assert_int_equal(weights_count(weights), 2);
    const struct tensor *tensor = weights_find(weights, "b");
    assert_non_null(tensor);
    assert_int_equal(tensor->type, TENSOR_F32);
    assert_int_equal(tensor->rank, 2);
    assert_int_equal(tensor->shape[0], 2);
    assert_int_equal(tensor->count, 2);
    assert_int_equal(tensor->size_bytes, 8);
    assert_memory_equal(tensor->data, "\0\1\2\3\4\5\6\7", 8);
    assert_int_equal(weights_find(weights, "ab")->data[0], 8);
    assert_null(weights_find(weights, "a"));
    assert_null(weights_find(weights, "abc"));
    assert_null(weights_find(weights, ""));
    weights_close(weights);
    temporary_file_remove();
}

static void test_required_tensors(void **state) {
    (void)state;
    struct weights *weights = open_or_fail(temporary_safetensors_write(
        "{\"visual.proj\":{\"dtype\":\"F16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
        "\"position_ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[12,20]},"
        "\"logit_scale\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[20,22]}}",
        22));
    struct error err = {0};
    assert_non_null(weights_require(weights, "visual.proj", 2, (size_t[]){3, 2}, &err));
    assert_non_null(weights_require(weights, "logit_scale", 0, NULL, &err));
    assert_int_equal(err.kind, ERROR_NONE);

    assert_null(weights_require(weights, "visual.proj", 2, (size_t[]){3, 4}, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, weights_path(weights)));
    assert_non_null(strstr(err.text,
                           ": tensor \"visual.proj\" has shape [3, 2]; the config asks for [3, 4]; "
                           "the file belongs to another model or is damaged"));
    error_clear(&err);
    assert_null(weights_require(weights, "visual.proj", 1, (size_t[]){6}, &err));
    assert_non_null(strstr(err.text, "has shape [3, 2]; the config asks for [6]"));
    error_clear(&err);
    assert_null(weights_require(weights, "logit_scale", 1, (size_t[]){1}, &err));
    assert_non_null(strstr(err.text, "has shape []; the config asks for [1]"));
    error_clear(&err);
    assert_null(weights_require(weights, "visual.proj.bias", 1, (size_t[]){1}, &err));
    assert_non_null(strstr(err.text, "there is no tensor \"visual.proj.bias\""));
    error_clear(&err);
    assert_null(weights_require(weights, "position_ids", 1, (size_t[]){1}, &err));
    assert_non_null(strstr(err.text, "has the type I64; weights must be F32, F16 or BF16"));
    weights_close(weights);
    temporary_file_remove();
}

static void test_a_missing_file_is_not_found(void **state) {
    (void)state;
    struct error err = {0};
    assert_null(weights_open("/nowhere/model.safetensors", &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_null(weights_open("/nowhere/model.safetensors", NULL));
    weights_close(NULL);
}

static void test_a_long_path_leaves_room_for_the_reason(void **state) {
    (void)state;
    char path[PATH_SIZE], real[PATH_SIZE];
    struct error err = {0};
    suite_path(real, "safetensors", "hole.safetensors");
    size_t used = 0;
    while (used + 2 < 600) used += (size_t)snprintf(path + used, sizeof path - used, "/.");
    (void)snprintf(path + used, sizeof path - used, "%s%s", real[0] == '/' ? "" : "/../", real);
    assert_null(weights_open(path, &err));
    assert_non_null(strstr(err.text, "hole.safetensors: tensor \"b\" comes after bytes"));
}

static void test_many_tensors(void **state) {
    (void)state;
    struct byte_buffer header;
    byte_buffer_init(&header, 1 << 20);
    for (int i = 0; i < MANY; i++)
        byte_buffer_append_format(
            &header,
            "%s\"layer.%d.weight\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
            i == 0 ? "{" : ",", i, i, i + 1);
    byte_buffer_append_text(&header, "}");
    struct weights *weights = open_or_fail(temporary_safetensors_write(header.bytes, MANY));
    assert_int_equal(weights_count(weights), MANY);
    for (int i = 0; i < MANY; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "layer.%d.weight", i);
        const struct tensor *tensor = weights_find(weights, name);
        assert_non_null(tensor);
        assert_int_equal(tensor->data[0], i & 0xFF);
    }
    weights_touch_all(weights);
    weights_close(weights);
    byte_buffer_clear(&header);
    temporary_file_remove();
}

// A mapped page comes back from the file when it is read after all.
static void test_forgotten_tensors_can_still_be_read(void **state) {
    (void)state;
    struct weights *weights = open_or_fail(temporary_safetensors_write(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[200000],\"data_offsets\":[0,200000]},"
        "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[200000,200000]}}",
        200000));
    size_t before = weights_touch_all(weights);
    weights_forget(weights, weights_find(weights, "a"));
    weights_forget(weights, weights_find(weights, "b"));
    assert_int_equal(weights_touch_all(weights), before);
    weights_close(weights);
    temporary_file_remove();
}

// Every allocation fails once, alone and with all later ones: an error, no crash, no leak.
static void check_allocation_failures(const char *suite, const char *file) {
    char path[PATH_SIZE];
    suite_path(path, suite, file);
    for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
        long nth = 1;
        for (; nth < MAX_ALLOCATIONS; nth++) {
            struct error err = {0};
            memory_fail_nth(nth, is_sticky == 1);
            struct weights *weights = weights_open(path, &err);
            memory_fail_nth(0, false);
            if (weights != NULL) {
                weights_close(weights);
                break;
            }
            assert_int_equal(err.kind, ERROR_INTERNAL);
            assert_non_null(strstr(err.text, "out of memory"));
        }
        assert_in_range(nth, 6, MAX_ALLOCATIONS - 1);
    }
}

static void test_allocation_failures(void **state) {
    (void)state;
    check_allocation_failures("safetensors", "valid_all_types.safetensors");
    check_allocation_failures("torch_zip", "valid_torch_save.bin");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there_is_found),
        cmocka_unit_test(test_required_tensors),
        cmocka_unit_test(test_a_missing_file_is_not_found),
        cmocka_unit_test(test_a_long_path_leaves_room_for_the_reason),
        cmocka_unit_test(test_many_tensors),
        cmocka_unit_test(test_forgotten_tensors_can_still_be_read),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
