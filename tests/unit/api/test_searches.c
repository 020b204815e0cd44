// GET /search and POST /search.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    assert_non_null(strstr(answer.body, "\"relevance\":0.25"));
    assert_true(json_is_null(json_object_get(answer.json, "next_cursor")));
    assert_null(json_object_get(answer.json, "reason"));
    assert_int_equal(fake.search.mode, SEARCH_SEMANTIC);
    assert_int_equal(fake.search.score_bound, SCORE_UNBOUNDED);
    assert_false(fake.search.is_exact);
    assert_string_equal(fake.filter, "ids= tags= words= ");
    answer_clear(&answer);
}

static void every_parameter_reaches_the_service(void **state) {
    (void)state;
    struct answer answer = loopback_get(
        "/search?q=dog&image_id=" ID
        "&mode=hybrid&exact=true&min_score=-0.25&origin=local&tags=beach,two%20words&words=dog"
        "&ids=" ID ",0123456789abcdef&from=2026-01-31&until=2026-01-31T10:26:53.5%2B01:00");
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.search.mode, SEARCH_HYBRID);
    assert_true(fake.search.is_exact);
    assert_int_equal(fake.search.score_bound, SCORE_AT_LEAST);
    assert_true(fake.search.min_score == -0.25F);
    assert_string_equal(fake.filter,
                        "ids=" ID ",0123456789abcdef tags=beach,two words words=dog origin=local ");
    assert_true(fake.search.filter.created_from_ms == 1769817600000);
    assert_true(fake.search.filter.created_until_ms == 1769851613500);
    assert_string_equal(fake.query, "dog");
    assert_string_equal(fake.id, ID);
    answer_clear(&answer);
    answer = loopback_get("/search?q=dog&min_score=auto&mode=keyword");
    assert_int_equal(fake.search.score_bound, SCORE_AUTOMATIC);
    assert_int_equal(fake.search.mode, SEARCH_KEYWORD);
    answer_clear(&answer);
    answer =
        loopback_send("POST", "/search?q=dog&tags=a", "Content-Type: image/jpeg\r\n", "PIC", 3);
    assert_string_equal(fake.filter, "ids= tags=a words= ");
    assert_string_equal(fake.query, "dog");
    answer_clear(&answer);
}

static void wrong_parameters_are_named(void **state) {
    (void)state;
    static const struct {
        const char *query, *field;
    } wrong[] = {
        {"mode=fast", "mode"},
        {"mode=", "mode"},
        {"exact=yes", "exact"},
        {"min_score=2", "min_score"},
        {"min_score=", "min_score"},
        {"min_score=nan", "min_score"},
        {"min_score=0x1", "min_score"},
        {"min_score=0.5x", "min_score"},
        {"from=yesterday", "from"},
        {"from=2026-02-29", "from"},
        {"until=2026-01-31T25:00:00Z", "until"},
        {"until=2026-01-31T10:00:00", "until"},
        {"ids=", "ids"},
        {"ids=abc", "ids"},
        {"tags=a,,b", "tags"},
        {"tags=", "tags"},
        {"words=,", "words"},
        {"words=%21%21", "words"},
        {"cursor=abc", "cursor"},
        {"cursor=000a00000000", "cursor"},
        {"words=1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6", "words"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char target[256] = "/search?q=x&", location[64];
        (void)snprintf(location, sizeof location, "\"loc\":[\"query\",\"%s\"]", wrong[i].field);
        struct answer answer = loopback_get(strcat(target, wrong[i].query));
        assert_problem(&answer, 422);
        if (strstr(answer.body, location) == NULL) fail_msg("%s: %s", target, answer.body);
        assert_string_equal(fake.called, "");
        answer_clear(&answer);
    }
}

static void a_cursor_goes_on_with_the_same_search(void **state) {
    (void)state;
    char target[128];
    fake.has_more = true;
    struct answer answer = loopback_get("/search?q=dog&k=7&tags=a");
    char cursor[32];
    (void)snprintf(cursor, sizeof cursor, "%s", answer_text(&answer, "next_cursor"));
    assert_int_equal(strlen(cursor), 12);
    answer_clear(&answer);
    (void)snprintf(target, sizeof target, "/search?q=dog&k=5&tags=a&cursor=%s", cursor);
    answer = loopback_get(target);
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.search.offset, 7);
    assert_int_equal(fake.search.k, 5);
    answer_clear(&answer);
    const char *others[] = {"/search?q=cat&tags=a&cursor=", "/search?q=dog&cursor=",
                            "/search?q=dog&tags=a&mode=hybrid&cursor="};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(target, sizeof target, "%s%s", others[i], cursor);
        answer = loopback_get(target);
        assert_problem(&answer, 422);
        answer_clear(&answer);
    }
}

static void an_empty_answer_says_why(void **state) {
    (void)state;
    fake.finds_nothing = true;
    struct answer answer = loopback_get("/search?q=dog");
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_array_size(json_object_get(answer.json, "results")), 0);
    assert_string_equal(answer_text(&answer, "reason"), "nothing like it");
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

static void a_subject_is_needed(void **state) {
    (void)state;
    static const char *const wrong[] = {"/search", "/search?k=5", "/search?q=", "/search?q=%20%09",
                                        "/search?q=%ff%fe"};
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
    assert_string_equal(fake.called, "search");
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
    assert_string_equal(fake.called, "search");
    assert_memory_equal(fake.bytes, "PIC", 3);
    assert_int_equal(fake.k, 4);
    answer_clear(&answer);
    static const char json[] = "{\"url\":\"http://example.org/a.png\"}";
    answer = loopback_send("POST", "/search", "Content-Type: application/json\r\n", json,
                           sizeof json - 1);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "search");
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
        cmocka_unit_test_setup(every_parameter_reaches_the_service, loopback_reset),
        cmocka_unit_test_setup(wrong_parameters_are_named, loopback_reset),
        cmocka_unit_test_setup(a_cursor_goes_on_with_the_same_search, loopback_reset),
        cmocka_unit_test_setup(an_empty_answer_says_why, loopback_reset),
        cmocka_unit_test_setup(a_cut_query_and_who_answered_are_said, loopback_reset),
        cmocka_unit_test_setup(k_is_a_number_from_1_to_1000, loopback_reset),
        cmocka_unit_test_setup(a_subject_is_needed, loopback_reset),
        cmocka_unit_test_setup(a_stored_image_finds_its_like, loopback_reset),
        cmocka_unit_test_setup(a_picture_finds_its_like, loopback_reset),
        cmocka_unit_test_setup(a_full_queue_asks_to_come_back, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
