// GET /images, GET and DELETE /images/{id}, /content and /thumbnail.
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

static void image_keeps_the_shape_of_the_original(void **state) {
    (void)state;
    struct answer answer = loopback_get("/images/" ID);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/json");
    assert_string_equal(
        answer.body,
        "{\"id\":\"" ID
        "\",\"caption\":\"a cat on a \\\"mat\\\"\",\"origin\":\"local\","
        "\"confidence\":0.123457,\"clip_score\":0.3,\"model\":\"caption-model\","
        "\"embedding_model\":\"embedding-model\","
        "\"payload\":{\"src\":{\"source\":\"upload\",\"filename\":\"cat.png\"}},"
        "\"width\":640,\"height\":480,\"mime\":\"image/png\",\"size_bytes\":5000000000,"
        "\"sha256\":\"" ID ID ID ID
        "\",\"created_at\":\"2023-11-14T22:13:20.123Z\",\"tags\":[],\"tags_origin\":null,"
        "\"receipt\":null}");
    assert_string_equal(fake.id, ID);
    answer_clear(&answer);
}

static void a_receipt_is_told(void **state) {
    (void)state;
    static const char *const targets[] = {"/images/" ID, "/images", "/search?q=cat"};
    strcpy(fake.record.origin, ORIGIN_CLOUD);
    fake.record.receipt = (struct receipt){.reason = "low_confidence",
                                           .words = "the local model is not sure",
                                           .provider = "openrouter",
                                           .local_ms = 516.25,
                                           .cloud_ms = 843.7004,
                                           .route_ms = 0.034,
                                           .cost_nano_usd = 12345000001};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct answer answer = loopback_get(targets[i]);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(
            answer.body,
            "\"receipt\":{\"origin\":\"cloud\",\"provider\":\"openrouter\","
            "\"model\":\"caption-model\",\"confidence\":0.123457,\"reason\":\"low_confidence\","
            "\"detail\":\"the local model is not sure\",\"variant\":null,"
            "\"cost_usd\":12.345000001,\"cost_is_estimated\":false,\"cache_hit\":false,"
            "\"timings\":{\"local_ms\":516.25,\"cloud_ms\":843.7,\"route_ms\":0.034}}"));
        answer_clear(&answer);
    }
    fake.record.receipt.cost_nano_usd = 1;
    fake.record.receipt.is_cost_estimated = fake.record.receipt.is_cached = true;
    strcpy(fake.record.receipt.variant, "b");
    struct answer answer = loopback_get("/images/" ID);
    assert_non_null(strstr(answer.body,
                           "\"variant\":\"b\",\"cost_usd\":1e-9,"
                           "\"cost_is_estimated\":true,\"cache_hit\":true,"));
    answer_clear(&answer);
}

static void image_from_an_address_names_it(void **state) {
    (void)state;
    fake.record.source = SOURCE_URL;
    strcpy(fake.record.url, "http://example.org/x.png");
    struct answer answer = loopback_get("/images/" ID);
    assert_non_null(strstr(answer.body,
                           "\"payload\":{\"src\":{\"source\":\"url\","
                           "\"url\":\"http://example.org/x.png\"}}"));
    answer_clear(&answer);
}

static void texts_that_are_no_utf8_still_give_json(void **state) {
    (void)state;
    strcpy(fake.record.file_name, "caf\xc3");  // cut inside a character
    strcpy(fake.record.caption, "\xff cat");   // never was UTF-8
    fake.record.confidence = 0.0 / 0.0;
    struct answer answer = loopback_get("/images/" ID);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_text(&answer, "caption"), "? cat");
    assert_non_null(strstr(answer.body, "\"filename\":\"caf\""));
    assert_non_null(strstr(answer.body, "\"confidence\":null"));
    answer_clear(&answer);
}

static void captions_of_mocks_and_demo_models_are_called_so(void **state) {
    (void)state;
    static const struct {
        const char *caption, *embedding, *notice;
    } cases[] = {
        {"imgrouter-demo-blip", "imgrouter-demo-clip@1", "DEMO MODELS answered"},
        {"imgrouter-demo-blip", "space@1", "DEMO MODELS wrote the captions"},
        {"mock", "mock", "MOCK MODELS answered"},
    };
    static const char *const targets[] = {"/images/" ID, "/images"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct answer answer = loopback_get(targets[i]);
        assert_string_equal(answer_text(&answer, "notice"), "");
        answer_clear(&answer);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strcpy(fake.record.caption_model, cases[i].caption);
        strcpy(fake.record.embedding_model, cases[i].embedding);
        for (size_t j = 0; j < sizeof targets / sizeof *targets; j++) {
            struct answer answer = loopback_get(targets[j]);
            assert_ptr_equal(strstr(answer_text(&answer, "notice"), cases[i].notice),
                             answer_text(&answer, "notice"));
            answer_clear(&answer);
        }
    }
}

static void impossible_ids_are_unknown_images(void **state) {
    (void)state;
    static const char *const targets[] = {"/images/x", "/images/00112233445566A0",
                                          "/images/" ID "0", "/images/x/content",
                                          "/images/x/thumbnail"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct answer answer = loopback_get(targets[i]);
        assert_problem(&answer, 404);
        assert_string_equal(fake.called, "");  // the service was not asked
        answer_clear(&answer);
    }
}

static void a_refusal_of_the_service_is_passed_on(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_NOT_FOUND, "No image has the id " ID ".");
    struct answer answer = loopback_get("/images/" ID);
    assert_problem(&answer, 404);
    assert_string_equal(answer_text(&answer, "detail"), "No image has the id " ID ".");
    answer_clear(&answer);
    error_clear(&fake.failure);
    error_set(&fake.failure, ERROR_OVERLOADED, "The queue is full.");
    answer = loopback_get("/images/" ID);
    assert_problem(&answer, 503);
    assert_non_null(answer_header(&answer, "Retry-After"));
    answer_clear(&answer);
}

static void delete_answers_204_without_body(void **state) {
    (void)state;
    struct answer answer = loopback_send("DELETE", "/images/" ID, "", "", 0);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.size, 0);
    assert_string_equal(fake.called, "delete_image");
    answer_clear(&answer);
    error_set(&fake.failure, ERROR_NOT_FOUND, "No image has the id " ID ".");
    answer = loopback_send("DELETE", "/images/" ID, "", "", 0);
    assert_problem(&answer, 404);
    answer_clear(&answer);
}

static void list_pages_with_an_opaque_cursor(void **state) {
    (void)state;
    fake.has_more = true;
    struct answer answer = loopback_get("/images?limit=2");
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.limit, 2);
    assert_int_equal(json_array_size(json_object_get(answer.json, "images")), 2);
    char next[128] = "/images?cursor=";
    assert_true(strlen(answer_text(&answer, "next_cursor")) == 32);
    strcat(next, answer_text(&answer, "next_cursor"));
    answer_clear(&answer);

    fake.has_more = false;
    answer = loopback_get(next);
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.limit, 50);
    assert_int_equal(fake.cursor.created_ms, fake.record.created_ms);
    assert_string_equal(fake.cursor.id, ID);
    assert_true(json_is_null(json_object_get(answer.json, "next_cursor")));
    answer_clear(&answer);
}

static void foreign_cursors_and_limits_are_refused(void **state) {
    (void)state;
    static const char *const targets[] = {"/images?cursor=abc",
                                          "/images?cursor=zz112233445566aa00112233445566aa",
                                          "/images?cursor=00112233445566aa00112233445566aa0",
                                          "/images?limit=0",
                                          "/images?limit=1001",
                                          "/images?limit=-1",
                                          "/images?limit=ten",
                                          "/images?limit=",
                                          "/images?limit=1.5",
                                          "/images?limit=+5",
                                          "/images?limit=%201",
                                          "/images?limit=99999999999999999999999"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct answer answer = loopback_get(targets[i]);
        assert_problem(&answer, 422);
        assert_int_equal(json_array_size(json_object_get(answer.json, "errors")), 1);
        answer_clear(&answer);
    }
    struct answer answer = loopback_get("/images?cursor=");  // empty: from the beginning
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static void content_is_served_as_a_picture_only(void **state) {
    (void)state;
    struct answer answer = loopback_get("/images/" ID "/content");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "the bytes");
    assert_string_equal(answer_header(&answer, "Content-Type"), "image/png");
    assert_string_equal(answer_header(&answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(answer_header(&answer, "Content-Security-Policy"),
                        "default-src 'none'; sandbox");
    assert_string_equal(answer_header(&answer, "Content-Disposition"),
                        "inline; filename=\"" ID ".png\"; filename*=UTF-8''cat.png");
    assert_string_equal(answer_header(&answer, "ETag"), "\"" ID ID ID ID "\"");
    answer_clear(&answer);

    strcpy(fake.record.mime, "text/html");  // cannot be; if it were, it must not be rendered
    answer = loopback_get("/images/" ID "/content");
    assert_string_equal(answer_header(&answer, "Content-Type"), "application/octet-stream");
    answer_clear(&answer);
}

static void unchanged_content_is_not_sent_again(void **state) {
    (void)state;
    static const char *const same[] = {
        "If-None-Match: \"" ID ID ID ID "\"\r\n", "If-None-Match: W/\"" ID ID ID ID "\"\r\n",
        "If-None-Match: \"other\", \"" ID ID ID ID "\"\r\n", "If-None-Match: *\r\n"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct answer answer = loopback_send("GET", "/images/" ID "/content", same[i], "", 0);
        assert_int_equal(answer.status, 304);
        assert_int_equal(answer.size, 0);
        assert_string_equal(answer_header(&answer, "ETag"), "\"" ID ID ID ID "\"");
        assert_string_equal(fake.called, "get_image");  // the bytes were not read
        answer_clear(&answer);
    }
    struct answer answer =
        loopback_send("GET", "/images/" ID "/content", "If-None-Match: \"" ID "\"\r\n", "", 0);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static void thumbnail_takes_a_size(void **state) {
    (void)state;
    struct answer answer = loopback_get("/images/" ID "/thumbnail");
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.max_side, 256);
    assert_string_equal(answer_header(&answer, "Content-Type"), "image/jpeg");
    assert_string_equal(answer.body, "a jpeg");
    answer_clear(&answer);
    answer = loopback_get("/images/" ID "/thumbnail?size=64");
    assert_int_equal(fake.max_side, 64);
    char header[256] = "If-None-Match: ";
    strcat(strcat(header, answer_header(&answer, "ETag")), "\r\n");
    answer_clear(&answer);
    answer = loopback_send("GET", "/images/" ID "/thumbnail?size=64", header, "", 0);
    assert_int_equal(answer.status, 304);
    answer_clear(&answer);
    answer = loopback_send("GET", "/images/" ID "/thumbnail?size=65", header, "", 0);
    assert_int_equal(answer.status, 200);  // another size is another picture
    answer_clear(&answer);
    answer = loopback_get("/images/" ID "/thumbnail?size=15");
    assert_problem(&answer, 422);
    answer_clear(&answer);
}

static struct answer patch(const char *json) {
    return loopback_send("PATCH", "/images/" ID, "Content-Type: application/json\r\n", json,
                         strlen(json));
}

static void caption_and_tags_are_changed(void **state) {
    (void)state;
    struct answer answer =
        patch("{\"caption\":\"my cat\",\"tags\":[\"home\",\"two words\",\"home\"]}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "change_image");
    assert_string_equal(fake.id, ID);
    assert_string_equal(answer_text(&answer, "caption"), "my cat");
    assert_non_null(strstr(answer.body, "\"tags\":[\"home\",\"two words\"]"));
    answer_clear(&answer);
    answer = patch("{\"tags\":[]}");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"tags\":[]"));
    answer_clear(&answer);
}

static void wrong_changes_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *json;
        int status;
    } wrong[] = {
        {"", 400},
        {"{", 400},
        {"{\"tags\":[],\"tags\":[]}", 400},
        {"[]", 422},
        {"{}", 422},
        {"null", 422},
        {"{\"caption\":1}", 422},
        {"{\"caption\":\"\"}", 422},
        {"{\"caption\":\" \"}", 422},
        {"{\"caption\":\"a\\u0000b\"}", 400},
        {"{\"tags\":\"a\"}", 422},
        {"{\"tags\":[1]}", 422},
        {"{\"tags\":[\"\"]}", 422},
        {"{\"tags\":[\"a,b\"]}", 422},
        {"{\"tags\":[\"a\\nb\"]}", 422},
        {"{\"tags\":[\"0123456789012345678901234567890123456789012345678901234567890123\"]}", 422},
        {"{\"id\":\"x\"}", 422},
        {"{\"caption\":\"a\",\"origin\":\"local\"}", 422},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct answer answer = patch(wrong[i].json);
        if (answer.status != wrong[i].status)
            fail_msg("%s: %d %s", wrong[i].json, answer.status, answer.body);
        assert_problem(&answer, wrong[i].status);
        assert_string_equal(fake.called, "");
        answer_clear(&answer);
    }
    struct answer answer =
        loopback_send("PATCH", "/images/" ID, "Content-Type: text/plain\r\n", "{}", 2);
    assert_problem(&answer, 415);
    answer_clear(&answer);
    answer =
        loopback_send("PATCH", "/images/nonsense", "Content-Type: application/json\r\n", "{}", 2);
    assert_problem(&answer, 404);
    answer_clear(&answer);
}

static void duplicates_come_in_tiers(void **state) {
    (void)state;
    struct answer answer = loopback_get("/images/" ID "/duplicates");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body,
                        "{\"id\":\"" ID
                        "\",\"duplicates\":{\"same_bytes\":[],\"same_picture\":[{"
                        "\"id\":\"0011223344556677\",\"distance\":3}],\"same_meaning\":[{\"id\":"
                        "\"8899aabbccddeeff\",\"score\":0.96}]}}");
    answer_clear(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(image_keeps_the_shape_of_the_original, loopback_reset),
        cmocka_unit_test_setup(a_receipt_is_told, loopback_reset),
        cmocka_unit_test_setup(caption_and_tags_are_changed, loopback_reset),
        cmocka_unit_test_setup(wrong_changes_are_refused, loopback_reset),
        cmocka_unit_test_setup(duplicates_come_in_tiers, loopback_reset),
        cmocka_unit_test_setup(image_from_an_address_names_it, loopback_reset),
        cmocka_unit_test_setup(texts_that_are_no_utf8_still_give_json, loopback_reset),
        cmocka_unit_test_setup(captions_of_mocks_and_demo_models_are_called_so, loopback_reset),
        cmocka_unit_test_setup(impossible_ids_are_unknown_images, loopback_reset),
        cmocka_unit_test_setup(a_refusal_of_the_service_is_passed_on, loopback_reset),
        cmocka_unit_test_setup(delete_answers_204_without_body, loopback_reset),
        cmocka_unit_test_setup(list_pages_with_an_opaque_cursor, loopback_reset),
        cmocka_unit_test_setup(foreign_cursors_and_limits_are_refused, loopback_reset),
        cmocka_unit_test_setup(content_is_served_as_a_picture_only, loopback_reset),
        cmocka_unit_test_setup(unchanged_content_is_not_sent_again, loopback_reset),
        cmocka_unit_test_setup(thumbnail_takes_a_size, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
