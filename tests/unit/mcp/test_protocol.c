#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "mcp/protocol.h"

static char asked[32];  // the last method that came to the backend

static json_t *backend_answer(void *context, const char *method, const json_t *params,
                              struct rpc_error *error) {
    (void)context;
    (void)strncpy(asked, method, sizeof asked - 1);
    int code = (int)json_integer_value(json_object_get(params, "fail"));
    if (code == 0) return json_pack("{s:s}", "of", method);
    rpc_fail(error, code, "No.");
    return NULL;
}

static const struct mcp_backend backend = {.answer = backend_answer, .version = "1.2"};

static json_t *answer_to(enum mcp_revision revision, const char *text) {
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    asked[0] = '\0';
    json_t *answer = mcp_answer(&backend, revision, json);
    json_decref(json);
    return answer;
}

static int code_to(enum mcp_revision revision, const char *text) {
    json_t *answer = answer_to(revision, text);
    assert_non_null(answer);
    int code = rpc_answer_code(answer);
    json_decref(answer);
    return code;
}

#define ENVELOPE                                                    \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026" \
    "-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define REQUEST(method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"

static const json_t *result_member(const json_t *answer, const char *name) {
    return json_object_get(json_object_get(answer, "result"), name);
}

static void revisions_have_their_names(void **state) {
    (void)state;
    enum mcp_revision revision;
    for (int i = 0; i < MCP_REVISION_COUNT; i++) {
        assert_true(mcp_revision_find(mcp_revision_name((enum mcp_revision)i), &revision));
        assert_int_equal(revision, i);
    }
    assert_false(mcp_revision_find("2025-11-26", &revision));
    assert_false(mcp_revision_find("", &revision));
    assert_true(mcp_revision_has_handshake(MCP_2025_11_25));
    assert_false(mcp_revision_has_handshake(MCP_2026_07_28));
}

static void the_handshake_settles_the_revision(void **state) {
    (void)state;
    static const struct {
        const char *message, *settled;
    } cases[] = {
        {REQUEST("initialize", "\"protocolVersion\":\"2024-11-05\""), "2024-11-05"},
        {REQUEST("initialize", "\"protocolVersion\":\"2025-06-18\""), "2025-06-18"},
        {REQUEST("initialize", "\"protocolVersion\":\"2026-07-28\""), "2025-11-25"},
        {REQUEST("initialize", "\"protocolVersion\":\"\""), "2025-11-25"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = answer_to(MCP_2025_11_25, cases[i].message);
        assert_string_equal(json_string_value(result_member(answer, "protocolVersion")),
                            cases[i].settled);
        assert_null(result_member(answer, "resultType"));
        json_decref(answer);
    }
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("initialize", "\"protocolVersion\":1")),
                     RPC_INVALID_PARAMS);
}

static void methods_are_of_their_revisions(void **state) {
    (void)state;
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("ping", "")), 0);
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("ping", ENVELOPE)), RPC_METHOD_NOT_FOUND);
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("initialize", ENVELOPE)),
                     RPC_METHOD_NOT_FOUND);
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("server/discover", "")), RPC_METHOD_NOT_FOUND);
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("server/discover", ENVELOPE)), 0);
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("prompts/list", "")), RPC_METHOD_NOT_FOUND);
    assert_int_equal(code_to(MCP_2026_07_28, REQUEST("tools/list", "")), RPC_INVALID_PARAMS);
}

static void the_backend_is_asked_its_own(void **state) {
    (void)state;
    static const char *const methods[] = {"tools/list", "tools/call", "resources/list",
                                          "resources/templates/list", "resources/read"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        json_t *json =
            json_pack("{s:s, s:i, s:s}", "jsonrpc", "2.0", "id", 1, "method", methods[i]);
        json_t *answer = mcp_answer(&backend, MCP_2025_11_25, json);
        assert_string_equal(asked, methods[i]);
        assert_true(mcp_method_is_slow(methods[i]));
        assert_string_equal(json_string_value(result_member(answer, "of")), methods[i]);
        json_decref(answer);
        json_decref(json);
    }
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("ping", "")), 0);
    assert_string_equal(asked, "");
    assert_false(mcp_method_is_slow("ping"));
    assert_false(mcp_method_is_slow("no/such"));
}

static void results_of_the_newest_revision_are_complete(void **state) {
    (void)state;
    json_t *answer = answer_to(MCP_2025_11_25, REQUEST("tools/call", ENVELOPE));
    assert_string_equal(json_string_value(result_member(answer, "resultType")), "complete");
    assert_null(result_member(answer, "ttlMs"));
    assert_non_null(
        json_object_get(result_member(answer, "_meta"), "io.modelcontextprotocol/serverInfo"));
    json_decref(answer);
    answer = answer_to(MCP_2025_11_25, REQUEST("resources/list", ENVELOPE));
    assert_true(json_is_integer(result_member(answer, "ttlMs")));
    assert_string_equal(json_string_value(result_member(answer, "cacheScope")), "private");
    json_decref(answer);
}

static void a_missing_resource_has_the_code_of_the_revision(void **state) {
    (void)state;
    assert_int_equal(code_to(MCP_2025_11_25, REQUEST("resources/read", "\"fail\":-32002")), -32002);
    assert_int_equal(
        code_to(MCP_2025_11_25, REQUEST("resources/read", "\"fail\":-32002," ENVELOPE)),
        RPC_INVALID_PARAMS);
}

static void a_revision_that_is_not_spoken_is_told(void **state) {
    (void)state;
    static const char *const names[] = {"2025-11-25", "2099-01-01", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *json = json_pack("{s:s, s:i, s:s, s:{s:{s:s, s:{}}}}", "jsonrpc", "2.0", "id", 1,
                                 "method", "tools/list", "params", "_meta", MCP_META_REVISION,
                                 names[i], MCP_META_CAPABILITIES);
        json_t *answer = mcp_answer(&backend, MCP_2025_11_25, json);
        assert_int_equal(rpc_answer_code(answer), MCP_UNSUPPORTED_REVISION);
        const json_t *data = json_object_get(json_object_get(answer, "error"), "data");
        assert_int_equal(json_array_size(json_object_get(data, "supported")), MCP_REVISION_COUNT);
        assert_string_equal(json_string_value(json_object_get(data, "requested")), names[i]);
        json_decref(answer);
        json_decref(json);
    }
}

static void what_needs_no_answer_gets_none(void **state) {
    (void)state;
    static const char *const messages[] = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"no/such\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        assert_null(answer_to(MCP_2025_11_25, messages[i]));
        assert_string_equal(asked, "");  // a notification has no tool run, which nobody sees
    }
    assert_null(answer_to(MCP_2025_03_26, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]"));
}

static void batches_are_of_one_revision(void **state) {
    (void)state;
    static const char batch[] = "[" REQUEST("ping", "") ", 7," REQUEST("tools/list", "") "]";
    json_t *answer = answer_to(MCP_2025_03_26, batch);
    assert_int_equal(json_array_size(answer), 3);
    assert_int_equal(rpc_answer_code(json_array_get(answer, 0)), 0);
    assert_int_equal(rpc_answer_code(json_array_get(answer, 1)), RPC_INVALID_REQUEST);
    assert_int_equal(rpc_answer_code(json_array_get(answer, 2)), 0);
    json_decref(answer);
    assert_int_equal(code_to(MCP_2025_03_26, "[]"), RPC_INVALID_REQUEST);
    assert_int_equal(code_to(MCP_2025_06_18, batch), RPC_INVALID_REQUEST);
    assert_int_equal(code_to(MCP_2024_11_05, batch), RPC_INVALID_REQUEST);
    json_t *many = json_array();
    for (size_t i = 0; i <= MCP_BATCH_MAX; i++) json_array_append_new(many, json_integer(1));
    answer = mcp_answer(&backend, MCP_2025_03_26, many);
    assert_int_equal(rpc_answer_code(answer), RPC_INVALID_REQUEST);
    json_decref(answer);
    json_decref(many);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revisions_have_their_names),
        cmocka_unit_test(the_handshake_settles_the_revision),
        cmocka_unit_test(methods_are_of_their_revisions),
        cmocka_unit_test(the_backend_is_asked_its_own),
        cmocka_unit_test(results_of_the_newest_revision_are_complete),
        cmocka_unit_test(a_missing_resource_has_the_code_of_the_revision),
        cmocka_unit_test(a_revision_that_is_not_spoken_is_told),
        cmocka_unit_test(what_needs_no_answer_gets_none),
        cmocka_unit_test(batches_are_of_one_revision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
