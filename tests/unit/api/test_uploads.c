// POST /images: the three body forms and what is wrong with bodies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "fake_service.h"
#include "loopback.h"

#define FORM "Content-Type: multipart/form-data; boundary=BB\r\n"
#define PART(name, extra, bytes) \
    "--BB\r\nContent-Disposition: form-data; name=\"" name "\"" extra "\r\n\r\n" bytes "\r\n"
#define END "--BB--\r\n"

static struct answer post(const char *target, const char *headers, const char *body) {
    return loopback_send("POST", target, headers, body, strlen(body));
}

static const char *first_error(const struct answer *answer, const char *member) {
    const json_t *error = json_array_get(json_object_get(answer->json, "errors"), 0);
    const char *text = json_string_value(json_object_get(error, member));
    return text != NULL ? text : "";
}

static void form_is_ingested(void **state) {
    (void)state;
    struct answer answer =
        post("/images", FORM,
             PART("visibility", "", "public") PART("file", "; filename=\"dog.png\"", "PIXELS")
                 PART("quality", "", "fast") END);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "ingest_image");
    assert_string_equal(fake.file_name, "dog.png");
    assert_int_equal(fake.size, 6);
    assert_memory_equal(fake.bytes, "PIXELS", 6);
    assert_string_equal(answer_text(&answer, "caption"), "a cat on a \"mat\"");
    assert_true(json_is_false(json_object_get(answer.json, "was_known")));
    assert_non_null(strstr(answer.body,
                           "\"timings\":{\"decode_ms\":1.235,\"queue_ms\":0.0,"
                           "\"batch_size\":2,\"preprocess_ms\":0.0,\"caption_vision_ms\":300.0,"
                           "\"caption_decode_ms\":0.0,\"embedding_ms\":0.0,\"store_ms\":0.0,"
                           "\"total_ms\":400.0}"));
    answer_clear(&answer);
}

static void raw_body_is_ingested(void **state) {
    (void)state;
    fake.was_known = true;
    struct answer answer = post("/images?filename=..%2Fa%5Cb%09c.png&quality=high",
                                "Content-Type: image/png\r\n", "RAW");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.file_name, "b_c.png");  // no folders, no control characters
    assert_memory_equal(fake.bytes, "RAW", 3);
    assert_true(json_is_true(json_object_get(answer.json, "was_known")));
    answer_clear(&answer);
    answer = post("/images", "Content-Type: application/octet-stream\r\n", "RAW");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.file_name, "");
    answer_clear(&answer);
}

static bool is_cache_hit(bool was_known, bool is_cached) {
    fake.record.receipt = (struct receipt){.reason = "local_sure", .is_cached = is_cached};
    fake.was_known = was_known;
    struct answer answer = post("/images", "Content-Type: image/png\r\n", "RAW");
    assert_int_equal(answer.status, 200);
    const json_t *hit = json_object_get(json_object_get(answer.json, "receipt"), "cache_hit");
    assert_true(json_is_boolean(hit));
    bool is_hit = json_is_true(hit);
    answer_clear(&answer);
    return is_hit;
}

static void what_was_known_is_a_cache_hit(void **state) {
    (void)state;
    assert_false(is_cache_hit(false, false));
    assert_true(is_cache_hit(true, false));
    assert_true(is_cache_hit(false, true));
    fake.record.receipt = (struct receipt){0};
    fake.was_known = true;
    struct answer answer = post("/images", "Content-Type: image/png\r\n", "RAW");
    assert_true(json_is_null(json_object_get(answer.json, "receipt")));
    answer_clear(&answer);
}

static void address_is_ingested(void **state) {
    (void)state;
    struct answer answer = post("/images", "Content-Type: application/json; charset=utf-8\r\n",
                                "{\"url\":\"http://example.org/a.png\"}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "ingest_url");
    assert_string_equal(fake.url, "http://example.org/a.png");
    answer_clear(&answer);
    answer = post("/images", FORM, PART("url", "", "http://example.org/b.png") END);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.url, "http://example.org/b.png");
    answer_clear(&answer);
}

static void missing_field_is_named_as_fastapi_does(void **state) {
    (void)state;
    struct answer answer = post("/images", FORM, PART("picture", "; filename=\"x\"", "P") END);
    assert_problem(&answer, 422);
    assert_non_null(strstr(answer.body,
                           "\"errors\":[{\"loc\":[\"body\",\"file\"],\"msg\":\"Field required\","
                           "\"type\":\"missing\"}]"));
    assert_string_equal(answer_text(&answer, "code"), "invalid");
    answer_clear(&answer);
}

static void wrong_bodies_are_refused_before_the_service(void **state) {
    (void)state;
    static const struct {
        const char *target;
        const char *headers;
        const char *body;
        int status;
    } cases[] = {
        {"/images", FORM, PART("file", "; filename=\"x\"", "") END, 422},
        {"/images", FORM, PART("file", "", "A") PART("file", "", "B") END, 422},
        {"/images", FORM, PART("file", "", "A") PART("quality", "", "best") END, 422},
        {"/images", FORM, PART("file", "", "A") PART("quality", "", "") END, 422},
        {"/images", FORM, PART("url", "", "") END, 422},
        {"/images", FORM, PART("file", "", "A"), 400},  // never closed
        {"/images", FORM, "no form at all", 400},
        {"/images", "Content-Type: multipart/form-data\r\n", "x", 400},
        {"/images", "Content-Type: image/png\r\n", "", 422},
        {"/images?quality=no", "Content-Type: image/png\r\n", "x", 422},
        {"/images", "Content-Type: text/plain\r\n", "x", 415},
        {"/images", "Content-Type: application/x-www-form-urlencoded\r\n", "url=x", 415},
        {"/images", "", "x", 415},
        {"/images", "Content-Type: imagery/png\r\n", "x", 415},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = post(cases[i].target, cases[i].headers, cases[i].body);
        assert_problem(&answer, cases[i].status);
        assert_string_equal(fake.called, "");
        answer_clear(&answer);
    }
}

static void unknown_types_are_told_what_is_accepted(void **state) {
    (void)state;
    struct answer answer = post("/images", "Content-Type: text/html\r\n", "x");
    assert_string_equal(answer_header(&answer, "Accept-Post"),
                        "multipart/form-data, application/json, image/*, application/octet-stream");
    answer_clear(&answer);
}

static void too_much_is_refused(void **state) {
    (void)state;
    static char body[1024 * 1024 + 65 * 1024];  // the fixture's limit and more than the overhead
    struct answer answer =
        loopback_send("POST", "/images", "Content-Type: image/png\r\n", body, sizeof body);
    assert_problem(&answer, 413);
    answer_clear(&answer);
    memset(body, ' ', 70000);
    answer = loopback_send("POST", "/images", "Content-Type: application/json\r\n", body, 70000);
    assert_problem(&answer, 413);
    answer_clear(&answer);
    assert_string_equal(fake.called, "");
}

static void refusals_of_the_service_keep_their_status(void **state) {
    (void)state;
    static const struct {
        enum error_kind kind;
        int status;
    } cases[] = {{ERROR_UNSUPPORTED, 415}, {ERROR_TOO_LARGE, 413}, {ERROR_INVALID, 422},
                 {ERROR_OVERLOADED, 503},  {ERROR_UPSTREAM, 502},  {ERROR_TIMEOUT, 504},
                 {ERROR_STORAGE, 507},     {ERROR_INTERNAL, 500}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error_clear(&fake.failure);
        error_set(&fake.failure, cases[i].kind, "This is what the service said.");
        struct answer answer = post("/images", "Content-Type: image/png\r\n", "x");
        assert_problem(&answer, cases[i].status);
        assert_string_equal(answer_text(&answer, "detail"), "This is what the service said.");
        assert_string_equal(first_error(&answer, "type"), "");
        answer_clear(&answer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(form_is_ingested, loopback_reset),
        cmocka_unit_test_setup(raw_body_is_ingested, loopback_reset),
        cmocka_unit_test_setup(what_was_known_is_a_cache_hit, loopback_reset),
        cmocka_unit_test_setup(address_is_ingested, loopback_reset),
        cmocka_unit_test_setup(missing_field_is_named_as_fastapi_does, loopback_reset),
        cmocka_unit_test_setup(wrong_bodies_are_refused_before_the_service, loopback_reset),
        cmocka_unit_test_setup(unknown_types_are_told_what_is_accepted, loopback_reset),
        cmocka_unit_test_setup(too_much_is_refused, loopback_reset),
        cmocka_unit_test_setup(refusals_of_the_service_keep_their_status, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
