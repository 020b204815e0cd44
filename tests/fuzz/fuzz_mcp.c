// Messages of the Model Context Protocol from strangers, as bytes: the first one tells the
// revision. Whatever they are, an answer is one of JSON-RPC and can be written, and a message that
// asks nothing has none.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/protocol.h"
#include "mcp/schema_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8},\"k\":{\"type\":\"integer\","
    "\"minimum\":1,\"maximum\":50},\"tags\":{\"type\":\"array\",\"maxItems\":2,\"items\":{\"type\":"
    "\"string\"}},\"_meta\":{\"type\":\"object\"}}}";

static json_t *backend_answer(void *context, const char *method, const json_t *params,
                              struct rpc_error *error) {
    struct error err = {0};
    (void)method;
    if (params != NULL && !schema_check(context, params, "params", &err)) {
        assert(err.kind == ERROR_INVALID && err.text[0] != '\0');
        rpc_fail(error, RPC_INVALID_PARAMS, "%s", err.text);
        return NULL;
    }
    return json_object();
}

static void answer_check(const json_t *answer) {
    const json_t *error = json_object_get(answer, "error");
    assert((error != NULL) != (json_object_get(answer, "result") != NULL));
    assert(error == NULL || json_is_string(json_object_get(error, "message")));
    assert(json_object_get(answer, "id") != NULL);
    char *text = json_dumps(answer, JSON_COMPACT);
    assert(text != NULL && strchr(text, '\n') == NULL);
    free(text);  // jansson's
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct rpc_error error = {0};
    enum mcp_revision revision = (enum mcp_revision)(data[0] % MCP_REVISION_COUNT);
    json_t *schema = json_loads(schema_text, 0, NULL);
    struct mcp_backend backend = {.answer = backend_answer, .context = schema, .version = "0"};
    json_t *json = rpc_parse((const char *)data + 1, size - 1, &error);
    json_t *answer =
        json != NULL ? mcp_answer(&backend, revision, json) : rpc_error_create(NULL, &error);
    if (json_is_array(answer)) {
        assert(json_array_size(answer) > 0 && json_array_size(answer) <= MCP_BATCH_MAX);
        for (size_t i = 0; i < json_array_size(answer); i++)
            answer_check(json_array_get(answer, i));
    } else if (answer != NULL) {
        answer_check(answer);
    }
    json_decref(answer);
    json_decref(json);
    json_decref(schema);
    return 0;
}
