// GET /search and POST /search.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "fake_service.h"
#include "loopback.h"

#define ID "00112233445566aa"

static void words_find_images(void **state) {
    (void)state;
    struct answer answer = loopback_get("/search?q=red%20car+%C3%A9");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.query, "red car \xc3\xa9");
    assert_int_equal(fake.k, 10);
    assert_string_equal(answer_text(&answer, "query"), "red car \xc3\xa9");
    assert_string_equal(answer_text(&answer, "model"), "embedding-model");
    const json_t *results = json_object_get(answer.json, "results");
    assert_int_equal(json_array_size(results), 2);
    const json_t *first = json_array_get(results, 0);
    assert_string_equal(json_string_value(json_object_get(first, "id")), ID);
    assert_non_null(json_object_get(first, "caption"));
    assert_non_null(strstr(answer.body, "\"score\":0.987654"));
    assert_null(strstr(answer.body, "\"score\":0.9876543"));
    assert_null(strstr(answer.body, "-0.0"));
    assert_non_null(strstr(answer.body,
                           "\"timings\":{\"embed_ms\":1.5,\"queue_ms\":0.123,\"batch_size\":3,"
                           "\"store_ms\":0.25,\"total_ms\":1.778}"));
    assert_string_equal(answer_text(&answer, "notice"), "");
    answer_clear(&answer);
}

static void a_cut_query_and_who_answered_are_said(void **state) {
    (void)state;
    fake.is_cut = true;
    struct answer answer = loopback_get("/search?q=long");
    assert_non_null(strstr(answer_text(&answer, "notice"), "longer than the model reads"));
    answer_clear(&answer);
    strcpy(fake.engine.embedding_model, "mock");
    answer = loopback_get("/search?q=long");
    assert_non_null(strstr(answer_text(&answer, "notice"), "MOCK MODELS"));
    assert_non_null(strstr(answer_text(&answer, "notice"), "longer than the model reads"));
    answer_clear(&answer);
    fake.is_cut = false;
    strcpy(fake.engine.embedding_model, "imgrouter-demo-clip@1");
    answer = loopback_get("/search?q=x");
    assert_non_null(strstr(answer_text(&answer, "notice"), "DEMO MODELS made the search vectors"));
    answer_clear(&answer);
    strcpy(fake.record.caption_model, "imgrouter-demo-blip");
    answer = loopback_get("/search?q=x");
    assert_non_null(strstr(answer_text(&answer, "notice"), "DEMO MODELS answered"));
    answer_clear(&answer);
}

static void k_is_a_number_from_1_to_1000(void **state) {
    (void)state;
    static const char *const wrong[] = {"0", "-1", "1001", "abc", "", "1e3", "1.0", "0x10"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char target[64] = "/search?q=x&k=";
        struct answer answer = loopback_get(strcat(target, wrong[i]));
        assert_problem(&answer, 422);
        assert_string_equal(fake.called, "");
        answer_clear(&answer);
    }
    struct answer answer = loopback_get("/search?q=x&k=1000");
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.k, 1000);
    answer_clear(&answer);
    answer = loopback_get("/search?q=x&k=1");
    assert_int_equal(json_array_size(json_object_get(answer.json, "results")), 1);
    answer_clear(&answer);
}

static void exactly_one_subject_is_needed(void **state) {
    (void)state;
    static const char *const wrong[] = {"/search",          "/search?k=5",
                                        "/search?q=",       "/search?q=%20%09",
                                        "/search?q=%ff%fe", "/search?q=x&image_id=" ID};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct answer answer = loopback_get(wrong[i]);
        assert_true(answer.status == 422 || answer.status == 400);
        assert_problem(&answer, answer.status);
        assert_string_equal(fake.called, "");
        answer_clear(&answer);
    }
    struct answer answer = loopback_get("/search");
    assert_non_null(strstr(answer.body, "\"loc\":[\"query\",\"q\"]"));
    assert_non_null(strstr(answer.body, "\"type\":\"missing\""));
    answer_clear(&answer);
}

static void a_stored_image_finds_its_like(void **state) {
    (void)state;
    struct answer answer = loopback_get("/search?image_id=" ID "&k=3");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "search_like_image");
    assert_string_equal(fake.id, ID);
    assert_int_equal(fake.k, 3);
    assert_true(json_is_null(json_object_get(answer.json, "query")));
    assert_string_equal(answer_text(&answer, "image_id"), ID);
    answer_clear(&answer);
    answer = loopback_get("/search?image_id=nonsense");
    assert_problem(&answer, 404);
    answer_clear(&answer);
}

static void a_picture_finds_its_like(void **state) {
    (void)state;
    struct answer answer =
        loopback_send("POST", "/search?k=4", "Content-Type: image/jpeg\r\n", "PIC", 3);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "search_picture");
    assert_memory_equal(fake.bytes, "PIC", 3);
    assert_int_equal(fake.k, 4);
    answer_clear(&answer);
    static const char json[] = "{\"url\":\"http://example.org/a.png\"}";
    answer = loopback_send("POST", "/search", "Content-Type: application/json\r\n", json,
                           sizeof json - 1);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "search_url");
    assert_string_equal(fake.url, "http://example.org/a.png");
    answer_clear(&answer);
    answer = loopback_send("POST", "/search?k=0", "Content-Type: image/jpeg\r\n", "PIC", 3);
    assert_problem(&answer, 422);
    answer_clear(&answer);
    answer = loopback_send("POST", "/search", "Content-Type: text/plain\r\n", "PIC", 3);
    assert_problem(&answer, 415);
    answer_clear(&answer);
}

static void a_full_queue_asks_to_come_back(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_OVERLOADED, "The queue is full.");
    struct answer answer = loopback_get("/search?q=x");
    assert_problem(&answer, 503);
    answer_clear(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(words_find_images, loopback_reset),
        cmocka_unit_test_setup(a_cut_query_and_who_answered_are_said, loopback_reset),
        cmocka_unit_test_setup(k_is_a_number_from_1_to_1000, loopback_reset),
        cmocka_unit_test_setup(exactly_one_subject_is_needed, loopback_reset),
        cmocka_unit_test_setup(a_stored_image_finds_its_like, loopback_reset),
        cmocka_unit_test_setup(a_picture_finds_its_like, loopback_reset),
        cmocka_unit_test_setup(a_full_queue_asks_to_come_back, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
