// Messages of strangers: every file of tests/suites/json_rpc is read as it is; its name begins with
// "ok" or with the error's code, without the sign.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "mcp/rpc.h"

enum { CASE_SIZE_MAX = 100 * 1000 };

static int code_of(const char *bytes, size_t size) {
    struct rpc_error error = {0};
    struct rpc_message message;
    json_t *json = rpc_parse(bytes, size, &error);
    if (json != NULL && rpc_message_read(json, &message, &error)) {
        assert_int_equal(error.code, 0);
        assert_true(message.kind == RPC_RESPONSE || message.method != NULL);
        assert_true(message.kind != RPC_REQUEST || message.id != NULL);
    } else {
        assert_true(error.text[0] != '\0' && error.text[strlen(error.text) - 1] == '.');
    }
    json_decref(json);
    return -error.code;
}

static void every_case_gets_its_code(void **state) {
    (void)state;
    const char *data = getenv("IMGROUTER_TEST_DATA");
    assert_non_null(data);
    char folder[1024], path[2048];
    (void)snprintf(folder, sizeof folder, "%s/suites/json_rpc", data);
    DIR *suite = opendir(folder);
    assert_non_null(suite);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(suite)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        size_t size = 0;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char *bytes = file_read_create(path, CASE_SIZE_MAX, &size, NULL);
        assert_non_null(bytes);
        int expected = (int)strtol(entry->d_name, NULL, 10), code = code_of(bytes, size);
        if (code != expected) print_error("%s: got %d\n", entry->d_name, code);
        assert_int_equal(code, expected);
        memory_free(bytes);
        count++;
    }
    closedir(suite);
    assert_true(count >= 50);  // an empty folder must not pass
}

static json_t *parsed(const char *text) {
    struct rpc_error error = {0};
    json_t *json = rpc_parse(text, strlen(text), &error);
    assert_non_null(json);
    return json;
}

static void a_message_tells_what_it_is(void **state) {
    (void)state;
    struct rpc_error error = {0};
    struct rpc_message message;
    json_t *json = parsed("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"m\",\"params\":{\"a\":1}}");
    assert_true(rpc_message_read(json, &message, &error));
    assert_int_equal(message.kind, RPC_REQUEST);
    assert_int_equal(json_integer_value(message.id), 7);
    assert_string_equal(message.method, "m");
    assert_int_equal(json_object_size(message.params), 1);
    json_object_del(json, "id");
    assert_true(rpc_message_read(json, &message, &error));
    assert_int_equal(message.kind, RPC_NOTIFICATION);
    assert_null(message.id);
    json_decref(json);
    json = parsed("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{}}");
    assert_true(rpc_message_read(json, &message, &error));
    assert_int_equal(message.kind, RPC_RESPONSE);
    json_decref(json);
}

// An error is answered to the request where it can be told which one it was.
static void an_error_keeps_the_id(void **state) {
    (void)state;
    struct rpc_error error = {0};
    struct rpc_message message;
    json_t *json = parsed("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":7}");
    assert_false(rpc_message_read(json, &message, &error));
    assert_string_equal(json_string_value(message.id), "x");
    error.data = json_pack("{s:i}", "more", 1);
    json_t *answer = rpc_error_create(message.id, &error);
    assert_null(error.data);
    assert_int_equal(rpc_answer_code(answer), RPC_INVALID_REQUEST);
    assert_string_equal(json_string_value(json_object_get(answer, "id")), "x");
    assert_non_null(json_object_get(json_object_get(answer, "error"), "data"));
    json_decref(answer);
    answer = rpc_error_create(NULL, &error);
    assert_true(json_is_null(json_object_get(answer, "id")));
    json_decref(answer);
    json_decref(json);
}

static void a_result_that_could_not_be_made_is_an_error(void **state) {
    (void)state;
    json_t *id = json_integer(3);
    json_t *answer = rpc_result_create(id, NULL);
    assert_int_equal(rpc_answer_code(answer), RPC_INTERNAL_ERROR);
    assert_int_equal(json_integer_value(json_object_get(answer, "id")), 3);
    json_decref(answer);
    answer = rpc_result_create(id, json_object());
    assert_int_equal(rpc_answer_code(answer), 0);
    assert_non_null(json_object_get(answer, "result"));
    json_decref(answer);
    json_decref(id);
}

static void an_error_text_that_was_cut_is_still_json(void **state) {
    (void)state;
    struct rpc_error error = {0};
    char text[RPC_ERROR_TEXT_SIZE + 8];
    memset(text, 'a', sizeof text);
    (void)snprintf(text + RPC_ERROR_TEXT_SIZE - 2, 8, "\xc3\xa9");  // the cut goes through it
    assert_false(rpc_fail(&error, RPC_INTERNAL_ERROR, "%s", text));
    json_t *answer = rpc_error_create(NULL, &error);
    assert_true(json_is_string(json_object_get(json_object_get(answer, "error"), "message")));
    json_decref(answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gets_its_code),
        cmocka_unit_test(a_message_tells_what_it_is),
        cmocka_unit_test(an_error_keeps_the_id),
        cmocka_unit_test(a_result_that_could_not_be_made_is_an_error),
        cmocka_unit_test(an_error_text_that_was_cut_is_still_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
