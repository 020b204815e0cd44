// OpenAI's API over loopback: what is asked of the service, the order and the form of vectors, and
// errors in its shape.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "base/byte_buffer.h"
#include "fake_service.h"
#include "loopback.h"

static const char json_header[] = "Content-Type: application/json\r\n";

static struct answer post(const char *target, const char *body) {
    return loopback_send("POST", target, json_header, body, strlen(body));
}

static struct answer embed(const char *body) { return post("/v1/embeddings", body); }

static struct answer chat(const char *body) { return post("/v1/chat/completions", body); }

static void assert_error(struct answer *answer, int status, const char *param, const char *code) {
    const json_t *error = json_object_get(answer->json, "error");
    const char *told = json_string_value(json_object_get(error, "param"));
    if (answer->status != status) fail_msg("%d: %s", answer->status, answer->body);
    assert_string_equal(answer_header(answer, "Content-Type"), "application/json");
    assert_string_equal(told != NULL ? told : "", param);
    assert_string_equal(json_string_value(json_object_get(error, "code")), code);
    assert_string_equal(json_string_value(json_object_get(error, "type")),
                        status < 500 ? "invalid_request_error" : "server_error");
    assert_true(strlen(json_string_value(json_object_get(error, "message"))) > 10);
    answer_clear(answer);
}

static double vector_number(const struct answer *answer, size_t index, size_t place) {
    const json_t *item = json_array_get(json_object_get(answer->json, "data"), index);
    assert_int_equal(json_integer_value(json_object_get(item, "index")), index);
    return json_number_value(json_array_get(json_object_get(item, "embedding"), place));
}

static void one_text_goes_before_bulk_work(void **state) {
    (void)state;
    fake.lane = QUEUE_BULK;
    struct answer answer = embed("{\"model\": \"embedding-model\", \"input\": \"a cat\"}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "embed_text");
    assert_int_equal(fake.lane, QUEUE_INTERACTIVE);
    assert_string_equal(answer_text(&answer, "object"), "list");
    assert_string_equal(answer_text(&answer, "model"), "embedding-model");
    assert_true(vector_number(&answer, 0, 0) == 5 && vector_number(&answer, 0, 1) == 'a');
    assert_true((float)vector_number(&answer, 0, 2) == 0.1F);  // no digit of a float is lost
    assert_int_equal(json_array_size(json_object_get(answer.json, "data")), 1);
    const json_t *usage = json_object_get(answer.json, "usage");
    assert_int_equal(json_integer_value(json_object_get(usage, "prompt_tokens")), 5);
    answer_clear(&answer);
}

static void many_texts_keep_their_order(void **state) {
    (void)state;
    struct byte_buffer body;
    byte_buffer_init(&body, 100000);
    byte_buffer_append_text(&body, "{\"input\": [");
    for (int i = 0; i < 300; i++)
        byte_buffer_append_format(&body, "%s\"%.*s\"", i == 0 ? "" : ",", i % 60 + 1,
                                  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh");
    byte_buffer_append_text(&body, "]}");
    struct answer answer = embed(body.bytes);
    assert_int_equal(answer.status, 200);
    assert_int_equal(fake.lane, QUEUE_BULK);
    for (size_t i = 0; i < 300; i++)
        assert_true(vector_number(&answer, i, 0) == (double)(i % 60 + 1));
    assert_int_equal(atomic_load(&fake.embed_calls), 300);
    answer_clear(&answer);
    byte_buffer_clear(&body);
}

static void pictures_come_as_address_or_data_uri(void **state) {
    (void)state;
    struct answer answer =
        embed("{\"modality\": \"image\", \"input\": \"https://example.org/a.png\"}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "embed_url");
    assert_string_equal(fake.url, "https://example.org/a.png");
    answer_clear(&answer);
    answer =
        embed("{\"modality\": \"image\", \"input\": [\"data:image/png;base64,cGljdHVyZQ==\"]}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "embed_image");
    assert_memory_equal(fake.bytes, "picture", 7);
    answer_clear(&answer);
    // Also without a modality, beside texts; an address alone is a text.
    answer = embed("{\"input\": [\"data:image/png;base64,cGljdHVyZQ==\", \"https://a.org/\"]}");
    assert_int_equal(answer.status, 200);
    assert_true(vector_number(&answer, 0, 1) == 'p' && vector_number(&answer, 1, 1) == 'h');
    assert_true(vector_number(&answer, 1, 0) == 14);
    const json_t *usage = json_object_get(answer.json, "usage");
    assert_int_equal(json_integer_value(json_object_get(usage, "prompt_tokens")), 5);
    answer_clear(&answer);
    answer = embed("{\"modality\": \"text\", \"input\": \"data:image/png;base64,cGljdHVyZQ==\"}");
    assert_string_equal(fake.called, "embed_text");
    answer_clear(&answer);
}

static void vectors_come_as_base64(void **state) {
    (void)state;
    struct answer answer = embed("{\"input\": \"a cat\", \"encoding_format\": \"base64\"}");
    const json_t *item = json_array_get(json_object_get(answer.json, "data"), 0);
    // 5.0, 97.0 and 0.1 as floats, least byte first.
    assert_string_equal(json_string_value(json_object_get(item, "embedding")), "AACgQAAAwkLNzMw9");
    answer_clear(&answer);
}

static void wrong_embedding_requests_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *param, *code;
    } cases[] = {
        {"{\"input\": \"a\", \"model\": \"text-embedding-3-small\"}", 404, "model",
         "model_not_found"},
        {"{\"input\": \"a\", \"model\": \"caption-model\"}", 404, "model", "model_not_found"},
        {"{\"input\": \"a\", \"model\": 1}", 400, "model", "bad_request"},
        {"{\"input\": [1, 2, 3]}", 400, "input", "bad_request"},
        {"{\"input\": [[1, 2, 3]]}", 400, "input", "bad_request"},
        {"{\"input\": [\"a\", null]}", 400, "input", "bad_request"},
        {"{\"input\": []}", 400, "input", "bad_request"},
        {"{\"input\": {}}", 400, "input", "bad_request"},
        {"{}", 400, "input", "bad_request"},
        {"[]", 400, "", "bad_request"},
        {"{", 400, "", "bad_request"},
        {"", 400, "", "bad_request"},
        {"{\"input\": \"a\\u0000b\"}", 400, "", "bad_request"},
        {"{\"input\": \"a\", \"input\": \"b\"}", 400, "", "bad_request"},
        {"{\"input\": \"a\", \"encoding_format\": \"int8\"}", 400, "encoding_format",
         "bad_request"},
        {"{\"input\": \"a\", \"modality\": \"audio\"}", 400, "modality", "bad_request"},
        {"{\"input\": \"a\", \"dimensions\": 256}", 400, "dimensions", "bad_request"},
        {"{\"input\": \"data:image/png;base64,!\"}", 400, "input", "bad_request"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = embed(cases[i].body);
        assert_error(&answer, cases[i].status, cases[i].param, cases[i].code);
    }
    assert_string_equal(fake.called, "");
    // What clients send by default is fine.
    struct answer answer = embed(
        "{\"input\": \"a\", \"dimensions\": 512, \"encoding_format\": null, \"modality\": null, "
        "\"user\": \"u\", \"model\": null}");
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
    answer = embed("{\"input\": \"a\", \"dimensions\": 0}");  // Infinity's clients
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static struct answer embed_so_many(size_t count, const char *input) {
    struct byte_buffer body;
    byte_buffer_init(&body, 1000000);
    byte_buffer_append_text(&body, "{\"input\": [");
    for (size_t i = 0; i < count; i++)
        byte_buffer_append_format(&body, "%s%s", i == 0 ? "" : ",", input);
    byte_buffer_append_text(&body, "]}");
    struct answer answer = embed(body.bytes);
    byte_buffer_clear(&body);
    return answer;
}

static void there_are_limits(void **state) {
    (void)state;
    static const char picture[] = "\"data:image/png;base64,cGljdHVyZQ==\"";
    struct answer answer = embed_so_many(64, picture);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
    answer = embed_so_many(65, picture);
    assert_error(&answer, 400, "input", "bad_request");
    answer = embed_so_many(2049, "\"a\"");
    assert_error(&answer, 400, "input", "bad_request");
    // Many small values are refused before they are parsed into much more than they take here.
    answer = embed_so_many(20001, "[]");
    assert_error(&answer, 413, "", "too_large");
    assert_int_equal(atomic_load(&fake.embed_calls), 64);
}

// Commas within strings are no values, also behind a quote that ends none.
static void long_texts_are_few_values(void **state) {
    (void)state;
    static const char *const beginnings[] = {"", "\\\"", "\\\\\\\""};
    static char input[25000];
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t size = (size_t)snprintf(input, sizeof input, "\"%s", beginnings[i]);
        memset(input + size, ',', sizeof input - size - 2);
        input[sizeof input - 2] = '"';
        struct answer answer = embed_so_many(1, input);
        assert_int_equal(answer.status, 200);
        answer_clear(&answer);
    }
}

static void one_that_fails_fails_all(void **state) {
    (void)state;
    fake.failing_upload = "bad";
    error_set(&fake.failure, ERROR_INVALID, "not a picture");
    struct answer answer = embed("{\"input\": [\"good\", \"bad one\", \"good\", \"bad two\"]}");
    const json_t *error = json_object_get(answer.json, "error");
    assert_string_equal(json_string_value(json_object_get(error, "message")),
                        "input 1: not a picture");
    assert_error(&answer, 400, "input", "bad_request");
}

static void failures_of_the_server_say_so(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_OVERLOADED, "the queue is full");
    struct answer answer = embed("{\"input\": \"a\"}");
    assert_non_null(answer_header(&answer, "Retry-After"));
    assert_error(&answer, 503, "", "overloaded");
    fake_service_reset();
    loopback_stop_work(true);
    answer = embed("{\"input\": [\"a\", \"b\"]}");
    loopback_stop_work(false);
    assert_error(&answer, 503, "", "unavailable");
    assert_int_equal(atomic_load(&fake.embed_calls), 0);
}

static void a_body_of_another_type_is_refused(void **state) {
    (void)state;
    struct answer answer = loopback_send("POST", "/v1/embeddings", "Content-Type: text/plain\r\n",
                                         "{\"input\": \"a\"}", 14);
    assert_error(&answer, 415, "", "unsupported");
    answer =
        loopback_send("POST", "/embeddings", "", "{\"input\": \"a\"}", 14);  // Infinity's place
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

#define MESSAGE(parts) "\"messages\": [{\"role\": \"user\", \"content\": [" parts "]}]"
#define PICTURE(url) "{\"type\": \"image_url\", \"image_url\": {\"url\": \"" url "\"}}"
#define WORDS "{\"type\": \"text\", \"text\": \"What is it?\"}"

static void a_picture_in_a_chat_gets_its_caption(void **state) {
    (void)state;
    struct answer answer = chat("{\"model\": \"caption-model\", " MESSAGE(
        WORDS ", " PICTURE("data:image/png;base64,cGljdHVyZQ==")) "}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "caption_image");
    assert_memory_equal(fake.bytes, "picture", 7);
    assert_int_equal(fake.quality, QUALITY_AUTO);
    assert_string_equal(answer_text(&answer, "object"), "chat.completion");
    assert_string_equal(answer_text(&answer, "model"), "caption-model");
    const json_t *choice = json_array_get(json_object_get(answer.json, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    assert_string_equal(json_string_value(json_object_get(message, "content")),
                        fake.record.caption);
    assert_string_equal(json_string_value(json_object_get(message, "role")), "assistant");
    assert_string_equal(json_string_value(json_object_get(choice, "finish_reason")), "stop");
    assert_non_null(json_object_get(json_object_get(answer.json, "imgrouter"), "receipt"));
    answer_clear(&answer);

    answer = chat("{\"quality\": \"high\", " MESSAGE(PICTURE("https://example.org/a.png")) "}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(fake.called, "caption_url");
    assert_string_equal(fake.url, "https://example.org/a.png");
    assert_int_equal(fake.quality, QUALITY_HIGH);
    answer_clear(&answer);
}

static void a_stream_is_chunks_and_an_end(void **state) {
    (void)state;
    struct answer answer = chat("{\"stream\": true, " MESSAGE(PICTURE("https://example.org/")) "}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Type"), "text/event-stream");
    size_t chunks = 0;
    for (const char *c = answer.body; (c = strstr(c, "data: {")) != NULL; c++) chunks++;
    assert_int_equal(chunks, 3);
    assert_non_null(strstr(answer.body, "a cat on a \\\"mat\\\""));
    assert_null(strstr(answer.body, "\"usage\""));
    assert_string_equal(answer.body + answer.size - 16, "\n\ndata: [DONE]\n\n");
    answer_clear(&answer);
    answer = chat("{\"stream\": true, \"stream_options\": {\"include_usage\": true}, " MESSAGE(
        PICTURE("https://example.org/")) "}");
    assert_non_null(strstr(answer.body, "\"choices\":[],\"usage\":{"));
    answer_clear(&answer);
}

static void wrong_chats_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *param, *code;
    } cases[] = {
        {"{}", 400, "messages", "bad_request"},
        {"[]", 400, "", "bad_request"},
        {"{\"messages\": \"hello\"}", 400, "messages", "bad_request"},
        {"{\"messages\": [1]}", 400, "messages", "bad_request"},
        {"{\"messages\": []}", 400, "messages", "bad_request"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}", 400, "messages",
         "bad_request"},
        {"{" MESSAGE(WORDS) "}", 400, "messages", "bad_request"},
        {"{" MESSAGE("{\"type\": \"image_url\"}") "}", 400, "messages", "bad_request"},
        {"{" MESSAGE("{\"type\": \"image_url\", \"image_url\": {\"url\": 1}}") "}", 400, "messages",
         "bad_request"},
        {"{" MESSAGE(PICTURE("https://a.org/") ", " PICTURE("https://b.org/")) "}", 400, "messages",
         "bad_request"},
        {"{\"messages\": [{\"content\": 1}]}", 400, "messages", "bad_request"},
        {"{" MESSAGE("1, " PICTURE("https://a.org/")) "}", 400, "messages", "bad_request"},
        {"{" MESSAGE("{\"type\": 1}, " PICTURE("https://a.org/")) "}", 400, "messages",
         "bad_request"},
        {"{\"n\": \"2\", " MESSAGE(PICTURE("https://a.org/")) "}", 400, "n", "bad_request"},
        {"{\"response_format\": \"text\", " MESSAGE(PICTURE("https://a.org/")) "}", 400,
         "response_format", "bad_request"},
        {"{\"n\": 2, " MESSAGE(PICTURE("https://a.org/")) "}", 400, "n", "bad_request"},
        {"{\"response_format\": {\"type\": \"json_object\"}, " MESSAGE(
             PICTURE("https://a.org/")) "}",
         400, "response_format", "bad_request"},
        {"{\"stream\": 1, " MESSAGE(PICTURE("https://a.org/")) "}", 400, "stream", "bad_request"},
        {"{\"quality\": \"best\", " MESSAGE(PICTURE("https://a.org/")) "}", 400, "quality",
         "bad_request"},
        {"{\"model\": \"gpt-4o\", " MESSAGE(PICTURE("https://a.org/")) "}", 404, "model",
         "model_not_found"},
        {"{" MESSAGE(PICTURE("data:text/html;base64,cGljdHVyZQ==")) "}", 400, "messages",
         "bad_request"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = chat(cases[i].body);
        assert_error(&answer, cases[i].status, cases[i].param, cases[i].code);
    }
    assert_string_equal(fake.called, "");
    error_set(&fake.failure, ERROR_UPSTREAM, "the server answered 404");
    struct answer answer = chat("{\"stream\": true, " MESSAGE(PICTURE("https://a.org/")) "}");
    assert_error(&answer, 502, "", "upstream");
}

static void models_are_listed(void **state) {
    (void)state;
    struct answer answer = loopback_get("/v1/models");
    const json_t *data = json_object_get(answer.json, "data");
    const json_t *first = json_array_get(data, 0);
    assert_int_equal(json_array_size(data), 2);
    assert_string_equal(json_string_value(json_object_get(first, "id")), "caption-model");
    assert_string_equal(json_string_value(json_object_get(first, "task")), "caption");
    assert_true(json_integer_value(json_object_get(first, "created")) > 1700000000);
    answer_clear(&answer);
    answer = loopback_get("/v1/models/embedding-model");
    assert_string_equal(answer_text(&answer, "id"), "embedding-model");
    answer_clear(&answer);
    answer = loopback_get("/v1/models/gpt-4o");
    assert_error(&answer, 404, "model", "model_not_found");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_text_goes_before_bulk_work, loopback_reset),
        cmocka_unit_test_setup(many_texts_keep_their_order, loopback_reset),
        cmocka_unit_test_setup(pictures_come_as_address_or_data_uri, loopback_reset),
        cmocka_unit_test_setup(vectors_come_as_base64, loopback_reset),
        cmocka_unit_test_setup(wrong_embedding_requests_are_refused, loopback_reset),
        cmocka_unit_test_setup(there_are_limits, loopback_reset),
        cmocka_unit_test_setup(long_texts_are_few_values, loopback_reset),
        cmocka_unit_test_setup(one_that_fails_fails_all, loopback_reset),
        cmocka_unit_test_setup(failures_of_the_server_say_so, loopback_reset),
        cmocka_unit_test_setup(a_body_of_another_type_is_refused, loopback_reset),
        cmocka_unit_test_setup(a_picture_in_a_chat_gets_its_caption, loopback_reset),
        cmocka_unit_test_setup(a_stream_is_chunks_and_an_end, loopback_reset),
        cmocka_unit_test_setup(wrong_chats_are_refused, loopback_reset),
        cmocka_unit_test_setup(models_are_listed, loopback_reset),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
