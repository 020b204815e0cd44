// JSON-RPC 2.0, as the Model Context Protocol uses it: messages read strictly, answers built.
// Parameters go by name; an id is a string or a whole number.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum rpc_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    // The protocol's own.
    MCP_RESOURCE_NOT_FOUND = -32002,  // of revisions with a handshake
    MCP_HEADER_MISMATCH = -32020,
    MCP_UNSUPPORTED_REVISION = -32022,
};

enum { RPC_ERROR_TEXT_SIZE = 640 };

struct rpc_error {
    int code;  // 0: none
    char text[RPC_ERROR_TEXT_SIZE];
    json_t *data;  // NULL: none; rpc_error_create takes it over
};

// The first error wins. Always returns false.
bool rpc_fail(struct rpc_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESPONSE };

struct rpc_message {  // borrowed from the JSON it was read from
    enum rpc_kind kind;
    json_t *id;          // NULL: none, or none that can be answered to
    const char *method;  // NULL in a response
    json_t *params;      // an object; NULL: none
};

enum { RPC_VALUES_MAX = 10000 };  // values, members' names and brackets of a message, roughly

// Any JSON value; the caller drops the reference. NULL with RPC_PARSE_ERROR, or, where it has too
// many values, with RPC_INVALID_REQUEST.
json_t *rpc_parse(const char *bytes, size_t size, struct rpc_error *error);
// RPC_INVALID_REQUEST or RPC_INVALID_PARAMS; message->id is set whenever it can be, so that the
// error can be answered to it.
bool rpc_message_read(json_t *json, struct rpc_message *message, struct rpc_error *error);

// Answers. `result` is taken over; NULL becomes an internal error. `id` is borrowed; NULL: null.
json_t *rpc_result_create(json_t *id, json_t *result);
json_t *rpc_error_create(json_t *id, struct rpc_error *error);
// The error code of an answer; 0: it is none of an error.
int rpc_answer_code(const json_t *answer);
