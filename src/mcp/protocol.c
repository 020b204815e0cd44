#include "mcp/protocol.h"

#include <string.h>

static const char instructions[] =
    "imgrouter knows a collection of pictures by what they show. search finds pictures by words, "
    "similar by another picture, caption says what a picture shows, and describe tells everything "
    "known of a stored picture. An id of a picture is 16 hexadecimal digits.";

// How long a client may keep what it was told. The tools change with the program only.
enum { TOOLS_TTL_MS = 300000 };

enum { IN_HANDSHAKE_REVISIONS = 1, IN_STATELESS_REVISIONS = 2, IN_ALL_REVISIONS = 3 };

static const struct method {
    const char *name;
    unsigned revisions;
    bool is_of_backend;
    bool is_cacheable;
    int ttl_ms;
} methods[] = {
    {"initialize", IN_HANDSHAKE_REVISIONS, false, false, 0},
    {"ping", IN_HANDSHAKE_REVISIONS, false, false, 0},
    {"server/discover", IN_STATELESS_REVISIONS, false, true, TOOLS_TTL_MS},
    {"tools/list", IN_ALL_REVISIONS, true, true, TOOLS_TTL_MS},
    {"tools/call", IN_ALL_REVISIONS, true, false, 0},
    {"resources/list", IN_ALL_REVISIONS, true, true, 0},
    {"resources/templates/list", IN_ALL_REVISIONS, true, true, TOOLS_TTL_MS},
    {"resources/read", IN_ALL_REVISIONS, true, true, 0},
};

static const struct method *method_find(const char *name) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

bool mcp_method_is_slow(const char *method) {
    const struct method *found = method_find(method);
    return found != NULL && found->is_of_backend;
}

enum mcp_revision mcp_revision_negotiate(const json_t *params) {
    const char *wanted = json_string_value(json_object_get(params, "protocolVersion"));
    enum mcp_revision revision;
    return wanted != NULL && mcp_revision_find(wanted, &revision) &&
                   mcp_revision_has_handshake(revision)
               ? revision
               : MCP_NEWEST_WITH_HANDSHAKE;
}

static json_t *revisions_json(void) {
    json_t *names = json_array();
    for (int i = 0; i < MCP_REVISION_COUNT; i++)
        json_array_append_new(names, json_string(mcp_revision_name((enum mcp_revision)i)));
    return names;
}

json_t *mcp_unsupported_data(const char *requested) {
    json_t *text = json_string(requested);  // NULL: it is not UTF-8
    return json_pack("{s:o, s:o}", "supported", revisions_json(), "requested",
                     text != NULL ? text : json_null());
}

bool mcp_request_revision(const struct rpc_message *request, enum mcp_revision negotiated,
                          enum mcp_revision *revision, struct rpc_error *error) {
    const json_t *meta = json_object_get(request->params, "_meta");
    const json_t *name = json_object_get(meta, MCP_META_REVISION);
    *revision = negotiated;
    if (name == NULL) {
        if (mcp_revision_has_handshake(negotiated)) return true;
        return rpc_fail(error, RPC_INVALID_PARAMS,
                        "params._meta must have the members " MCP_META_REVISION
                        " and " MCP_META_CAPABILITIES ".");
    }
    if (!json_is_string(name) || !json_is_object(json_object_get(meta, MCP_META_CAPABILITIES)))
        return rpc_fail(error, RPC_INVALID_PARAMS,
                        "params._meta must have " MCP_META_REVISION
                        ", a string, and " MCP_META_CAPABILITIES ", an object.");
    if (mcp_revision_find(json_string_value(name), revision) &&
        !mcp_revision_has_handshake(*revision))
        return true;
    error->data = mcp_unsupported_data(json_string_value(name));
    return rpc_fail(error, MCP_UNSUPPORTED_REVISION,
                    "This revision is not one that is spoken without a handshake.");
}

static json_t *server_json(const struct mcp_backend *backend) {
    return json_pack("{s:s, s:s, s:s}", "name", "imgrouter", "title", "imgrouter", "version",
                     backend->version);
}

static json_t *capabilities_json(void) { return json_pack("{s:{}, s:{}}", "tools", "resources"); }

static json_t *initialize(const struct mcp_backend *backend, const json_t *params,
                          struct rpc_error *error) {
    if (!json_is_string(json_object_get(params, "protocolVersion"))) {
        rpc_fail(error, RPC_INVALID_PARAMS, "initialize needs protocolVersion, a string.");
        return NULL;
    }
    return json_pack("{s:s, s:o, s:o, s:s}", "protocolVersion",
                     mcp_revision_name(mcp_revision_negotiate(params)), "capabilities",
                     capabilities_json(), "serverInfo", server_json(backend), "instructions",
                     instructions);
}

static json_t *own_answer(const struct mcp_backend *backend, const struct rpc_message *request,
                          struct rpc_error *error) {
    if (strcmp(request->method, "initialize") == 0)
        return initialize(backend, request->params, error);
    if (strcmp(request->method, "ping") == 0) return json_object();
    return json_pack("{s:o, s:o, s:s}", "supportedVersions", revisions_json(), "capabilities",
                     capabilities_json(), "instructions", instructions);
}

// What every result has since 2026-07-28.
static void result_complete(const struct mcp_backend *backend, const struct method *method,
                            json_t *result) {
    json_object_set_new(result, "resultType", json_string("complete"));
    json_object_set_new(
        result, "_meta",
        json_pack("{s:o}", "io.modelcontextprotocol/serverInfo", server_json(backend)));
    if (!method->is_cacheable) return;
    json_object_set_new(result, "ttlMs", json_integer(method->ttl_ms));
    json_object_set_new(result, "cacheScope", json_string("private"));
}

static json_t *request_answer(const struct mcp_backend *backend, enum mcp_revision negotiated,
                              const struct rpc_message *request, struct rpc_error *error) {
    enum mcp_revision revision;
    if (!mcp_request_revision(request, negotiated, &revision, error)) return NULL;
    bool has_handshake = mcp_revision_has_handshake(revision);
    const struct method *method = method_find(request->method);
    if (method == NULL || (method->revisions & (has_handshake ? IN_HANDSHAKE_REVISIONS
                                                              : IN_STATELESS_REVISIONS)) == 0) {
        rpc_fail(error, RPC_METHOD_NOT_FOUND, "There is no such method here.");
        return NULL;
    }
    json_t *result = method->is_of_backend
                         ? backend->answer(backend->context, method->name, request->params, error)
                         : own_answer(backend, request, error);
    if (result != NULL && !has_handshake) result_complete(backend, method, result);
    // Retired with the handshake: a resource that is not there is a wrong parameter now.
    if (error->code == MCP_RESOURCE_NOT_FOUND && !has_handshake) error->code = RPC_INVALID_PARAMS;
    return result;
}

static json_t *message_answer(const struct mcp_backend *backend, enum mcp_revision negotiated,
                              json_t *json) {
    struct rpc_message message;
    struct rpc_error error = {0};
    json_t *result = NULL;
    if (rpc_message_read(json, &message, &error)) {
        if (message.kind != RPC_REQUEST) return NULL;
        result = request_answer(backend, negotiated, &message, &error);
    } else if (message.kind == RPC_NOTIFICATION && message.method != NULL) {
        return NULL;  // wrong parameters of a notification: JSON-RPC has no answer to those
    }
    if (error.code != 0) {
        json_decref(result);
        return rpc_error_create(message.id, &error);
    }
    return rpc_result_create(message.id, result);
}

static json_t *batch_answer(const struct mcp_backend *backend, enum mcp_revision negotiated,
                            const json_t *batch) {
    json_t *answers = json_array();
    for (size_t i = 0; i < json_array_size(batch); i++) {
        json_t *answer = message_answer(backend, negotiated, json_array_get(batch, i));
        if (answer != NULL) json_array_append_new(answers, answer);
    }
    if (json_array_size(answers) > 0) return answers;
    json_decref(answers);
    return NULL;
}

json_t *mcp_answer(const struct mcp_backend *backend, enum mcp_revision negotiated, json_t *json) {
    struct rpc_error error = {0};
    if (!json_is_array(json)) return message_answer(backend, negotiated, json);
    size_t count = json_array_size(json);
    if (!mcp_revision_has_batches(negotiated))
        rpc_fail(&error, RPC_INVALID_REQUEST,
                 "Batches are of revision 2025-03-26 only; send one message at a time.");
    else if (count == 0 || count > MCP_BATCH_MAX)
        rpc_fail(&error, RPC_INVALID_REQUEST, "A batch has 1 to %d messages.", MCP_BATCH_MAX);
    else
        return batch_answer(backend, negotiated, json);
    return rpc_error_create(NULL, &error);
}
