// POST /images/batch: its two body forms, a result for each picture, and what is wrong with bodies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "api/batch_body.h"
#include "base/byte_buffer.h"
#include "base/memory.h"
#include "fake_service.h"
#include "loopback.h"

#define TARGET "/images/batch"
#define FORM "Content-Type: multipart/form-data; boundary=BB\r\n"
#define JSON "Content-Type: application/json\r\n"
#define PART(name, extra, bytes) \
    "--BB\r\nContent-Disposition: form-data; name=\"" name "\"" extra "\r\n\r\n" bytes "\r\n"
#define FILE_PART(name, bytes) PART("file", "; filename=\"" name "\"", bytes)
#define END "--BB--\r\n"

static struct answer post(const char *headers, const char *body) {
    return loopback_send("POST", TARGET, headers, body, strlen(body));
}

static const json_t *result_at(const struct answer *answer, size_t index) {
    const json_t *result = json_array_get(json_object_get(answer->json, "results"), index);
    assert_int_equal(json_integer_value(json_object_get(result, "index")), index);
    return result;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void assert_counts(const struct answer *answer, int stored, int known, int failed) {
    static const char *const names[] = {"stored", "known", "failed"};
    const int counts[] = {stored, known, failed};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(json_integer_value(json_object_get(answer->json, names[i])), counts[i]);
    assert_int_equal(json_array_size(json_object_get(answer->json, "results")),
                     stored + known + failed);
}

static void assert_result_problem(const json_t *result, int status, const char *detail) {
    const json_t *problem = json_object_get(result, "problem");
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    assert_non_null(strstr(text_of(problem, "detail"), detail));
    assert_true(text_of(problem, "title")[0] != '\0' && text_of(problem, "code")[0] != '\0');
    assert_null(json_object_get(result, "id"));
}

static void every_picture_of_a_form_has_its_result(void **state) {
    (void)state;
    struct answer answer =
        post(FORM, FILE_PART("a.png", "ONE") PART("quality", "", "fast") FILE_PART("b.png", "TWO")
                       PART("other", "", "x") PART("file", "", "3") END);
    assert_int_equal(answer.status, 200);
    assert_counts(&answer, 3, 0, 0);
    assert_int_equal(atomic_load(&fake.upload_calls), 3);
    assert_int_equal(fake.lane, QUEUE_BULK);
    static const char *const names[] = {"a.png", "b.png", ""};
    for (size_t i = 0; i < 3; i++) {
        const json_t *result = result_at(&answer, i);
        assert_string_equal(text_of(result, "filename"), names[i]);
        assert_string_equal(text_of(result, "id"), "00112233445566aa");
        assert_true(json_is_false(json_object_get(result, "was_known")));
        assert_non_null(json_object_get(result, "timings"));
        assert_null(json_object_get(result, "problem"));
    }
    answer_clear(&answer);
    fake.was_known = true;
    answer = post(FORM, FILE_PART("a.png", "ONE") END);
    assert_counts(&answer, 0, 1, 0);
    answer_clear(&answer);
}

static void a_bad_picture_never_fails_the_others(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_UNSUPPORTED, "This is no picture.");
    fake.failing_upload = "BAD";
    struct answer answer = post(FORM, FILE_PART("a.png", "ONE") FILE_PART("bad.png", "BAD")
                                          FILE_PART("empty.png", "") FILE_PART("b.png", "TWO") END);
    assert_int_equal(answer.status, 200);
    assert_counts(&answer, 2, 0, 2);
    assert_string_equal(text_of(result_at(&answer, 0), "filename"), "a.png");
    assert_result_problem(result_at(&answer, 1), 415, "This is no picture.");
    assert_string_equal(text_of(result_at(&answer, 1), "filename"), "bad.png");
    assert_result_problem(result_at(&answer, 2), 422, "empty");
    assert_non_null(json_object_get(result_at(&answer, 3), "id"));
    assert_int_equal(atomic_load(&fake.upload_calls), 3);  // the empty one was not tried
    answer_clear(&answer);
}

static void names_are_kept_with_their_folders(void **state) {
    (void)state;
    struct answer answer =
        post(FORM, FILE_PART("a.png", "ONE") PART("names", "", "[\"2019/a.png\", \"b/c.png\"]")
                       FILE_PART("b.png", "TWO") END);
    assert_counts(&answer, 2, 0, 0);
    assert_string_equal(text_of(result_at(&answer, 0), "filename"), "2019/a.png");
    assert_string_equal(text_of(result_at(&answer, 1), "filename"), "b/c.png");
    answer_clear(&answer);
    // Of one that is too long its end stays, from a whole character on.
    char body[1024], name[400] = "";
    for (int i = 0; i < 130; i++) memcpy(name + strlen(name), "\xc3\xa4", 3);
    (void)snprintf(body, sizeof body, FILE_PART("a", "ONE") PART("names", "", "[\"%sx.png\"]") END,
                   name);
    answer = post(FORM, body);
    const char *kept = text_of(result_at(&answer, 0), "filename");
    assert_in_range(strlen(kept), STORE_NAME_SIZE - 3, STORE_NAME_SIZE - 1);
    assert_string_equal(kept + strlen(kept) - 5, "x.png");
    assert_memory_equal(kept, "\xc3\xa4", 2);
    answer_clear(&answer);
}

static void addresses_have_their_results_too(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_UPSTREAM, "That server says no.");
    fake.failing_upload = "bad.png";
    struct answer answer = post(JSON,
                                "{\"urls\":[\"http://example.org/a.png\","
                                "\"http://example.org/bad.png\",\"\"],\"quality\":\"auto\"}");
    assert_int_equal(answer.status, 200);
    assert_counts(&answer, 1, 0, 2);
    assert_int_equal(fake.lane, QUEUE_BULK);
    assert_string_equal(text_of(result_at(&answer, 0), "url"), "http://example.org/a.png");
    assert_result_problem(result_at(&answer, 1), 502, "That server says no.");
    assert_string_equal(text_of(result_at(&answer, 1), "url"), "http://example.org/bad.png");
    assert_result_problem(result_at(&answer, 2), 422, "empty");
    answer_clear(&answer);
}

static void malformed_requests_are_refused_whole(void **state) {
    (void)state;
    static const struct {
        const char *headers, *body;
        int status;
    } cases[] = {
        {FORM, FILE_PART("a", "A"), 400},  // never closed
        {FORM, "no form", 400},
        {FORM, END, 422},
        {FORM, PART("picture", "", "A") END, 422},
        {FORM, FILE_PART("a", "A") PART("quality", "", "best") END, 422},
        {FORM, FILE_PART("a", "A") PART("names", "", "") END, 422},
        {FORM, FILE_PART("a", "A") PART("names", "", "[]") END, 422},
        {FORM, FILE_PART("a", "A") PART("names", "", "[1]") END, 422},
        {FORM, FILE_PART("a", "A") PART("names", "", "[\"a\",\"b\"]") END, 422},
        {FORM, FILE_PART("a", "A") PART("names", "", "{\"a\":1}") END, 422},
        {JSON, "", 400},
        {JSON, "{\"urls\":", 400},
        {JSON, "{\"urls\":[],\"urls\":[]}", 400},
        {JSON, "[]", 422},
        {JSON, "{}", 422},
        {JSON, "{\"url\":\"http://example.org/\"}", 422},
        {JSON, "{\"urls\":\"http://example.org/\"}", 422},
        {JSON, "{\"urls\":[]}", 422},
        {JSON, "{\"urls\":[\"http://example.org/\",null]}", 422},
        {JSON, "{\"urls\":[\"http://example.org/\"],\"quality\":3}", 422},
        {"Content-Type: image/png\r\n", "PIXELS", 415},
        {"", "PIXELS", 415},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = post(cases[i].headers, cases[i].body);
        if (answer.status != cases[i].status) fail_msg("%zu: %d %s", i, answer.status, answer.body);
        assert_problem(&answer, cases[i].status);
        answer_clear(&answer);
    }
    assert_int_equal(atomic_load(&fake.upload_calls), 0);
}

// A form of so many pictures.
static struct answer post_pictures(size_t count) {
    struct byte_buffer body;
    byte_buffer_init(&body, 64 * 1024);
    for (size_t i = 0; i < count; i++)
        byte_buffer_append_format(&body, FILE_PART("%zu.png", "PICTURE %zu"), i, i);
    byte_buffer_append_text(&body, END);
    assert_false(body.has_failed);
    struct answer answer = loopback_send("POST", TARGET, FORM, body.bytes, body.size);
    byte_buffer_clear(&body);
    return answer;
}

static void so_many_and_no_more(void **state) {
    (void)state;
    struct answer answer = post_pictures(BATCH_PICTURES_MAX);
    assert_int_equal(answer.status, 200);
    assert_counts(&answer, BATCH_PICTURES_MAX, 0, 0);
    for (size_t i = 0; i < BATCH_PICTURES_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%zu.png", i);
        assert_string_equal(text_of(result_at(&answer, i), "filename"), name);
    }
    answer_clear(&answer);
    answer = post_pictures(BATCH_PICTURES_MAX + 1);
    assert_problem(&answer, 413);
    answer_clear(&answer);
    answer = post_pictures(100);
    assert_problem(&answer, 413);
    answer_clear(&answer);
    static const char urls[] = "{\"urls\":[%s\"x\"]}";
    char body[1024], list[512] = "";
    for (int i = 0; i < BATCH_PICTURES_MAX; i++) memcpy(list + strlen(list), "\"x\",", 5);
    (void)snprintf(body, sizeof body, urls, list);
    answer = post(JSON, body);
    assert_problem(&answer, 413);
    answer_clear(&answer);
    size_t size = BATCH_BODY_UPLOADS * 1024 * 1024 + 128 * 1024;  // of the fixture's uploads
    char *large = memory_try_zeroed(size, 1);
    assert_non_null(large);
    answer = loopback_send("POST", TARGET, FORM, large, size);
    assert_problem(&answer, 413);
    answer_clear(&answer);
    memory_free(large);
    assert_int_equal(atomic_load(&fake.upload_calls), BATCH_PICTURES_MAX);
}

static void a_stopping_server_says_what_it_did_not_do(void **state) {
    (void)state;
    loopback_stop_work(true);
    struct answer answer = post(FORM, FILE_PART("a.png", "ONE") END);
    loopback_stop_work(false);
    assert_int_equal(answer.status, 200);
    assert_counts(&answer, 0, 0, 1);
    assert_result_problem(result_at(&answer, 0), 503, "stopping");
    answer_clear(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_picture_of_a_form_has_its_result, loopback_reset),
        cmocka_unit_test_setup(a_bad_picture_never_fails_the_others, loopback_reset),
        cmocka_unit_test_setup(names_are_kept_with_their_folders, loopback_reset),
        cmocka_unit_test_setup(addresses_have_their_results_too, loopback_reset),
        cmocka_unit_test_setup(malformed_requests_are_refused_whole, loopback_reset),
        cmocka_unit_test_setup(so_many_and_no_more, loopback_reset),
        cmocka_unit_test_setup(a_stopping_server_says_what_it_did_not_do, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
