#include "mcp/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool rpc_fail(struct rpc_error *error, int code, const char *format, ...) {
    if (error->code != 0) return false;
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

// Counted before anything is parsed: a value of one byte takes thirty in memory.
static bool has_few_values(const char *bytes, size_t size) {
    size_t count = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < size && count < RPC_VALUES_MAX; i++) {
        if (is_in_string && bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            is_in_string = !is_in_string;
        else if (!is_in_string)
            count += bytes[i] == ',' || bytes[i] == '[' || bytes[i] == '{' || bytes[i] == ':';
    }
    return count < RPC_VALUES_MAX;
}

json_t *rpc_parse(const char *bytes, size_t size, struct rpc_error *error) {
    json_error_t fault;
    if (!has_few_values(bytes, size)) {
        rpc_fail(error, RPC_INVALID_REQUEST,
                 "The message has more than %d values; a picture goes into a string, as base64.",
                 RPC_VALUES_MAX);
        return NULL;
    }
    json_t *json =
        json_loadb(size > 0 ? bytes : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (json != NULL) return json;
    if (json_error_code(&fault) == json_error_duplicate_key)
        rpc_fail(error, RPC_PARSE_ERROR, "The message names a key twice; send each key once.");
    else
        rpc_fail(error, RPC_PARSE_ERROR,
                 "The message is not valid JSON in UTF-8 (line %d, column %d).",
                 fault.line > 0 ? fault.line : 1, fault.column > 0 ? fault.column : 1);
    return NULL;
}

static bool request_read(const json_t *json, struct rpc_message *message, struct rpc_error *error) {
    const json_t *method = json_object_get(json, "method");
    if (!json_is_string(method))
        return rpc_fail(error, RPC_INVALID_REQUEST, "The message has no method, a string.");
    message->method = json_string_value(method);
    message->params = json_object_get(json, "params");
    if (message->params != NULL && !json_is_object(message->params))
        return rpc_fail(error, RPC_INVALID_PARAMS, "The params must be an object, named values.");
    return true;
}

bool rpc_message_read(json_t *json, struct rpc_message *message, struct rpc_error *error) {
    *message = (struct rpc_message){.kind = RPC_REQUEST};
    if (!json_is_object(json))
        return rpc_fail(error, RPC_INVALID_REQUEST, "A message is a JSON object.");
    json_t *id = json_object_get(json, "id");
    bool is_identified = json_is_string(id) || json_is_integer(id);
    if (is_identified) message->id = id;
    const char *version = json_string_value(json_object_get(json, "jsonrpc"));
    if (version == NULL || strcmp(version, "2.0") != 0)
        return rpc_fail(error, RPC_INVALID_REQUEST, "The member jsonrpc of a message is \"2.0\".");
    if (json_object_get(json, "method") == NULL &&
        (json_object_get(json, "result") != NULL || json_object_get(json, "error") != NULL)) {
        message->kind = RPC_RESPONSE;
        return true;
    }
    if (id == NULL) message->kind = RPC_NOTIFICATION;
    if (id != NULL && !is_identified)
        return rpc_fail(error, RPC_INVALID_REQUEST,
                        "The id of a request is a string or a whole number.");
    return request_read(json, message, error);
}

json_t *rpc_result_create(json_t *id, json_t *result) {
    if (result != NULL)
        return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
    struct rpc_error error = {0};
    rpc_fail(&error, RPC_INTERNAL_ERROR, "The server ran out of memory; try again.");
    return rpc_error_create(id, &error);
}

json_t *rpc_error_create(json_t *id, struct rpc_error *error) {
    json_t *text = json_string(error->text);  // NULL where a cut went through a character
    json_t *json = json_pack("{s:i, s:o}", "code", error->code, "message",
                             text != NULL ? text : json_string("The request failed."));
    if (error->data != NULL) json_object_set_new(json, "data", error->data);
    error->data = NULL;
    return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id",
                     id != NULL ? json_incref(id) : json_null(), "error", json);
}

int rpc_answer_code(const json_t *answer) {
    return (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}
