// What Immich, Weaviate and PhotoPrism send, over loopback: what is asked of the service, and what
// each reads of the answer. The requests have the forms of their own code.
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

static const char json_header[] = "Content-Type: application/json\r\n";
static const char form_header[] = "Content-Type: multipart/form-data; boundary=cut\r\n";

#define FIELD(name, value) \
    "--cut\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define BLOB(name, value)                                   \
    "--cut\r\nContent-Disposition: form-data; name=\"" name \
    "\"; filename=\"blob\"\r\nContent-Type: application/octet-stream\r\n\r\n" value "\r\n"
#define END "--cut--\r\n"
#define ENTRY(type, model) \
    FIELD("entries", "{\"clip\":{\"" type "\":{\"modelName\":\"" model "\",\"options\":{}}}}")

static struct answer predict(const char *form) {
    return loopback_send("POST", "/predict", form_header, form, strlen(form));
}

static struct answer post(const char *target, const char *body) {
    return loopback_send("POST", target, json_header, body, strlen(body));
}

static void immich_gets_the_vector_of_a_picture(void **state) {
    (void)state;
    struct answer answer =
        predict(ENTRY("visual", "embedding-model") BLOB("image", "a picture") END);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "embed_image");
    assert_memory_equal(fake.bytes, "a picture", 9);
    assert_int_equal(fake.lane, QUEUE_INTERACTIVE);
    assert_string_equal(answer_text(&answer, "clip"), "[9,97,0.100000001]");
    assert_int_equal(json_integer_value(json_object_get(answer.json, "imageHeight")), 480);
    assert_int_equal(json_integer_value(json_object_get(answer.json, "imageWidth")), 640);
    answer_clear(&answer);
}

static void immich_gets_the_vector_of_a_text(void **state) {
    (void)state;
    struct answer answer = predict(ENTRY("textual", "embedding-model") FIELD("text", "a dog") END);
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "embed_text");
    assert_int_equal(fake.size, 5);
    assert_string_equal(answer_text(&answer, "clip"), "[5,97,0.100000001]");
    assert_null(json_object_get(answer.json, "imageHeight"));
    answer_clear(&answer);
    answer = predict(ENTRY("textual", "embedding-model") FIELD("text", "") END);
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.size, 0);
    answer_clear(&answer);
}

static void immich_is_told_what_cannot_be_done(void **state) {
    (void)state;
    static const struct {
        const char *form;
        int status;
    } cases[] = {
        {FIELD("entries",
               "{\"facial-recognition\":{\"detection\":{\"modelName\":\"buffalo_l\","
               "\"options\":{\"minScore\":0.7}},\"recognition\":{\"modelName\":"
               "\"buffalo_l\"}}}") BLOB("image", "a") END,
         501},
        {FIELD("entries", "{\"ocr\":{\"detection\":{\"modelName\":\"x\"}}}") BLOB("image", "a") END,
         501},
        {FIELD("entries", "{\"clip\":{\"visual\":{\"modelName\":\"embedding-model\"}},\"ocr\":{}}")
             BLOB("image", "a") END,
         501},
        {ENTRY("visual", "ViT-B-32__openai") BLOB("image", "a") END, 409},
        {ENTRY("textual", "ViT-B-32__openai") FIELD("text", "a") END, 409},
        {ENTRY("textual", "embedding-model") BLOB("image", "a") END, 422},
        {ENTRY("visual", "embedding-model") FIELD("text", "a") END, 422},
        {ENTRY("visual", "embedding-model") BLOB("image", "") END, 422},
        {ENTRY("visual", "embedding-model") END, 400},
        {BLOB("image", "a") END, 422},
        {FIELD("entries", "{") BLOB("image", "a") END, 422},
        {FIELD("entries", "[]") BLOB("image", "a") END, 422},
        {FIELD("entries", "{}") BLOB("image", "a") END, 422},
        {FIELD("entries", "{\"clip\":{}}") BLOB("image", "a") END, 422},
        {FIELD("entries", "{\"clip\":1}") BLOB("image", "a") END, 422},
        {FIELD("entries", "{\"clip\":{\"visual\":{}}}") BLOB("image", "a") END, 422},
        {FIELD("entries", "{\"clip\":{\"visual\":{\"modelName\":1}}}") BLOB("image", "a") END, 422},
        {"no form", 400},
        {END, 422},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = predict(cases[i].form);
        if (answer.status != cases[i].status) print_error("%s\n", cases[i].form);
        assert_problem(&answer, cases[i].status);
        answer_clear(&answer);
    }
    struct answer answer = post("/predict", "{}");
    assert_problem(&answer, 415);
    answer_clear(&answer);
    // A zero byte would end the text in its middle.
    static const char zero[] = ENTRY("textual", "embedding-model") FIELD("text", "a\0b") END;
    answer = loopback_send("POST", "/predict", form_header, zero, sizeof zero - 1);
    assert_problem(&answer, 422);
    answer_clear(&answer);
    assert_string_equal(fake.called, "");
}

static void immichs_entries_are_short(void **state) {
    (void)state;
    static char form[20000];
    int size = snprintf(
        form, sizeof form, "%s%*s%s",
        FIELD("text", "a") "--cut\r\nContent-Disposition: form-data; name=\"entries\"\r\n\r\n{",
        16 * 1024, "", "\"clip\":{\"textual\":{\"modelName\":\"embedding-model\"}}}\r\n" END);
    assert_true(size > 0 && (size_t)size < sizeof form);
    struct answer answer = predict(form);
    assert_problem(&answer, 422);
    answer_clear(&answer);
}

static void immich_pings(void **state) {
    (void)state;
    struct answer answer = loopback_get("/ping");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "pong");
    answer_clear(&answer);
}

static double number(const struct answer *answer, const char *list, size_t index, size_t place) {
    const json_t *vector = json_array_get(json_object_get(answer->json, list), index);
    return json_number_value(json_array_get(vector, place));
}

static void weaviate_gets_its_vectors(void **state) {
    (void)state;
    struct answer answer =
        post("/vectorize", "{\"texts\":[\"a\",\"bb\"],\"images\":[\"cGljdHVyZQ==\"]}");
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.lane, QUEUE_BULK);
    assert_int_equal(json_array_size(json_object_get(answer.json, "textVectors")), 2);
    assert_int_equal(json_array_size(json_object_get(answer.json, "imageVectors")), 1);
    assert_true(number(&answer, "textVectors", 0, 1) == 'a');
    assert_true(number(&answer, "textVectors", 1, 0) == 2);
    assert_true(number(&answer, "imageVectors", 0, 0) == 7);
    answer_clear(&answer);
    // As its Go client sends it: no Content-Type, null in place of an empty list.
    static const char body[] = "{\"texts\":[\"a\"],\"images\":null}";
    answer = loopback_send("POST", "/vectorize", "", body, sizeof body - 1);
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.lane, QUEUE_INTERACTIVE);
    assert_int_equal(json_array_size(json_object_get(answer.json, "imageVectors")), 0);
    answer_clear(&answer);
    answer = post("/vectorize", "{}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"textVectors\":[],\"imageVectors\":[]}");
    answer_clear(&answer);
}

static void weaviate_is_told_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {{"{", 400},
                 {"[]", 422},
                 {"{\"texts\":\"a\"}", 422},
                 {"{\"images\":{}}", 422},
                 {"{\"texts\":[1]}", 400},
                 // No address is fetched here.
                 {"{\"images\":[\"https://example.org/a.png\"]}", 422},
                 {"{\"images\":[\"!\"]}", 422}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = post("/vectorize", cases[i].body);
        assert_int_equal(answer.status, cases[i].status);
        assert_true(strlen(answer_text(&answer, "error")) > 10);
        answer_clear(&answer);
    }
    assert_string_equal(fake.called, "");
}

static void weaviate_finds_the_server_ready(void **state) {
    (void)state;
    struct answer answer = loopback_get("/.well-known/live");
    assert_int_equal(answer.status, 204);
    answer_clear(&answer);
    answer = loopback_get("/.well-known/ready");
    assert_int_equal(answer.status, 204);
    answer_clear(&answer);
    loopback_stop_work(true);
    answer = loopback_get("/.well-known/ready");
    loopback_stop_work(false);
    assert_problem(&answer, 503);
    answer_clear(&answer);
    answer = loopback_get("/meta");
    assert_string_equal(answer_text(&answer, "model"), "embedding-model");
    assert_int_equal(json_integer_value(json_object_get(answer.json, "dimensions")), 512);
    answer_clear(&answer);
}

static void photoprism_gets_a_caption(void **state) {
    (void)state;
    struct answer answer =
        post("/api/v1/vision/caption",
             "{\"id\":\"3487da77\",\"model\":\"caption-model:latest\",\"version\":\"latest\","
             "\"prompt\":\"Describe it.\",\"suffix\":\"\",\"stream\":false,"
             "\"images\":[\"data:image/jpeg;base64,cGljdHVyZQ==\"]}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "caption_image");
    assert_memory_equal(fake.bytes, "picture", 7);
    assert_string_equal(answer_text(&answer, "id"), "3487da77");
    assert_int_equal(json_integer_value(json_object_get(answer.json, "code")), 200);
    const json_t *model = json_object_get(answer.json, "model");
    assert_string_equal(json_string_value(json_object_get(model, "name")), "caption-model");
    const json_t *caption = json_object_get(json_object_get(answer.json, "result"), "caption");
    assert_string_equal(json_string_value(json_object_get(caption, "text")), fake.record.caption);
    assert_true(json_number_value(json_object_get(caption, "confidence")) == 0.123457);
    answer_clear(&answer);

    static const char *const by_address[] = {
        "{\"url\":\"https://example.org/a.png\"}", "{\"images\":[\"https://example.org/a.png\"]}",
        "{\"model\":\"\",\"images\":[],\"url\":\"https://example.org/a.png\"}"};
    for (size_t i = 0; i < 3; i++) {
        fake_service_reset();
        answer = post("/api/v1/vision/caption", by_address[i]);
        assert_int_equal(answer.status, 200);
        assert_string_equal(fake.url, "https://example.org/a.png");
        answer_clear(&answer);
    }
    fake.record.confidence = -1;  // nobody told one
    answer = post("/api/v1/vision/caption", "{\"images\":[\"cGljdHVyZQ==\"]}");
    caption = json_object_get(json_object_get(answer.json, "result"), "caption");
    assert_non_null(caption);
    assert_null(json_object_get(caption, "confidence"));
    answer_clear(&answer);
}

static void photoprism_is_told_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {{"{", 400},
                 {"[]", 422},
                 {"{\"id\":\"7\"}", 422},
                 {"{\"id\":\"7\",\"images\":[1]}", 422},
                 {"{\"id\":\"7\",\"url\":1}", 422},
                 {"{\"id\":\"7\",\"model\":1,\"url\":\"https://a.org/\"}", 422},
                 {"{\"id\":\"7\",\"images\":[\"cGljdHVyZQ==\"],\"url\":1}", 422},
                 {"{\"id\":\"7\",\"images\":{},\"url\":\"https://a.org/\"}", 422},
                 {"{\"id\":\"7\",\"images\":[\"!\"]}", 422},
                 {"{\"id\":\"7\",\"images\":[\"https://a.org/\",\"https://b.org/\"]}", 422},
                 {"{\"id\":\"7\",\"model\":\"kosmos-2:latest\",\"url\":\"https://a.org/\"}", 404}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = post("/api/v1/vision/caption", cases[i].body);
        assert_int_equal(answer.status, cases[i].status);
        // A number: PhotoPrism cannot read another code.
        assert_int_equal(json_integer_value(json_object_get(answer.json, "code")), answer.status);
        assert_true(strlen(answer_text(&answer, "error")) > 10);
        assert_string_equal(answer_text(&answer, "id"), i < 2 ? "" : "7");
        answer_clear(&answer);
    }
    assert_string_equal(fake.called, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(immich_gets_the_vector_of_a_picture, loopback_reset),
        cmocka_unit_test_setup(immich_gets_the_vector_of_a_text, loopback_reset),
        cmocka_unit_test_setup(immich_is_told_what_cannot_be_done, loopback_reset),
        cmocka_unit_test_setup(immichs_entries_are_short, loopback_reset),
        cmocka_unit_test_setup(immich_pings, loopback_reset),
        cmocka_unit_test_setup(weaviate_gets_its_vectors, loopback_reset),
        cmocka_unit_test_setup(weaviate_is_told_what_is_wrong, loopback_reset),
        cmocka_unit_test_setup(weaviate_finds_the_server_ready, loopback_reset),
        cmocka_unit_test_setup(photoprism_gets_a_caption, loopback_reset),
        cmocka_unit_test_setup(photoprism_is_told_what_is_wrong, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
