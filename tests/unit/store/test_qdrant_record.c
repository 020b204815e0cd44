// Images as points of Qdrant and back, and what is read of payloads that nobody of us wrote.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/qdrant_record.h"
#include "store_fixture.h"

static void ids_become_uuids_in_falling_order(void **state) {
    (void)state;
    const char *ids[] = {"ffffffffffffffff", "fffffffffffffffe", "f000000000000000",
                         "0123456789abcdef", "0123456789abcdee", "0000000000000000"};
    char before[POINT_ID_SIZE] = "", point_id[POINT_ID_SIZE], id[IMAGE_ID_SIZE];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_true(point_id_from_image(ids[i], point_id));
        assert_int_equal(strlen(point_id), POINT_ID_SIZE - 1);
        assert_true(strcmp(before, point_id) < 0);
        assert_true(point_id_to_image(point_id, id));
        assert_string_equal(id, ids[i]);
        memcpy(before, point_id, sizeof before);
    }
    assert_true(point_id_from_image("0123456789abcdef", point_id));
    assert_string_equal(point_id, "fedcba98-7654-8321-8000-000000000000");
}

static void other_ids_are_refused(void **state) {
    (void)state;
    const char *ids[] = {"",
                         "0123456789abcde",
                         "0123456789abcdef0",
                         "0123456789ABCDEF",
                         "0123456789abcdeg",
                         "' OR 1=1 --"};
    const char *point_ids[] = {"",
                               "7",
                               "fedcba98-7654-4321-8000-000000000000",
                               "fedcba98-7654-8321-8000-000000000001",
                               "fedcba98-7654-8321-8000-00000000000",
                               "fedcba98-7654-8321-8000-0000000000000",
                               "FEDCBA98-7654-8321-8000-000000000000",
                               "fedcba98765483218000000000000000"};
    char point_id[POINT_ID_SIZE], id[IMAGE_ID_SIZE];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_false(point_id_from_image(ids[i], point_id));
    for (size_t i = 0; i < sizeof point_ids / sizeof point_ids[0]; i++)
        assert_false(point_id_to_image(point_ids[i], id));
}

static void records_come_back(void **state) {
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct image_record record = sample_record(i), found;
        json_t *payload = payload_create(&record);
        char *text = json_dumps(payload, JSON_COMPACT);
        json_t *again = json_loads(text, 0, NULL);
        payload_read(again, &found);
        assert_same_record(&found, &record);
        json_decref(payload);
        json_decref(again);
        free(text);
    }
}

static void bytes_that_are_no_text_become_question_marks(void **state) {
    (void)state;
    struct image_record record = sample_record(0), found;
    (void)snprintf(record.file_name, sizeof record.file_name, "a\xff\xc3.jpg");
    json_t *payload = payload_create(&record);
    assert_non_null(payload);
    payload_read(payload, &found);
    assert_string_equal(found.file_name, "a??.jpg");
    json_decref(payload);
}

static void foreign_payloads_are_borne(void **state) {
    (void)state;
    static const char *const payloads[] = {
        "null",
        "[]",
        "7",
        "\"x\"",
        "{}",
        "{\"id\": 7, \"sha256\": null, \"tags\": \"a\"}",
        "{\"tags\": [1, null, \"\", \"a,b\", \"ok\", \"ok\"], \"width\": -1, \"height\": 1e99}",
        "{\"width\": 4294967296, \"height\": \"9\", \"created_ms\": \"now\"}",
        "{\"perceptual_hash\": \"xyz\"}",
        "{\"perceptual_hash\": \"0123456789abcde \"}",
        "{\"perceptual_hash\": 7}",
        "{\"receipt\": {\"reason\": \"local_sure\"}}",
        "{\"receipt\": \"{\\\"reason\\\": 7}\"}",
        "{\"receipt\": \"local\"}",
        "{\"source\": [\"url\"], \"confidence\": \"high\"}",
        "{\"size_bytes\": 9223372036854775807, \"caption\": {\"a\": {}}}"};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct image_record record;
        json_t *json = json_loads(payloads[i], JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        payload_read(json, &record);
        assert_false(record.has_perceptual_hash);
        assert_int_equal(record.width, 0);
        assert_string_equal(record.receipt.reason, "");
        assert_true(strcmp(record.tags, "") == 0 || strcmp(record.tags, "ok") == 0);
        json_decref(json);
    }
}

static void texts_and_tags_are_cut(void **state) {
    (void)state;
    struct image_record record;
    json_t *tags = json_array();
    for (int i = 0; i < 100; i++) (void)json_array_append_new(tags, json_sprintf("tag %d", i));
    char long_text[2 * STORE_URL_SIZE];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    json_t *payload = json_pack("{s:o, s:s, s:s}", "tags", tags, "url", long_text, "id", long_text);
    payload_read(payload, &record);
    assert_int_equal(strlen(record.url), STORE_URL_SIZE - 1);
    assert_int_equal(strlen(record.id), IMAGE_ID_SIZE - 1);
    assert_non_null(strstr(record.tags, "tag 31"));
    assert_null(strstr(record.tags, "tag 32"));
    json_decref(payload);
}

static void vectors_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const vectors[] = {
        "null", "[]", "[1]", "[1, 2, 3]", "[1, \"2\"]", "[1, null]", "{\"\": [1, 2]}", "[[1, 2]]"};
    float vector[2];
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        json_t *json = json_loads(vectors[i], JSON_DECODE_ANY, NULL);
        assert_false(vector_from_json(json, vector, 2));
        json_decref(json);
    }
    json_t *json = json_loads("[1, -0.5]", 0, NULL);
    assert_true(vector_from_json(json, vector, 2));
    assert_true(vector[0] == 1 && vector[1] == -0.5F);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_become_uuids_in_falling_order),
        cmocka_unit_test(other_ids_are_refused),
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
        cmocka_unit_test(foreign_payloads_are_borne),
        cmocka_unit_test(texts_and_tags_are_cut),
        cmocka_unit_test(vectors_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
