// POST /mcp: the Model Context Protocol over its "streamable HTTP". Every request is answered as
// JSON and by itself: there are no sessions, so there is no stream to GET and nothing to DELETE.
#include <arpa/inet.h>
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/mcp_backend.h"
#include "api/problem.h"
#include "base/base64.h"
#include "base/memory.h"
#include "http/accept.h"
#include "http/response.h"

static const char encoded_start[] = "=?base64?", encoded_end[] = "?=";

static bool is_loopback(const char *host, size_t length) {
    char name[64] = "";
    struct in_addr address;
    if (length >= sizeof name) return false;
    memcpy(name, host, length);
    return strcmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

// Of a page on this machine. Any other page that gets a browser to send requests here, by a name
// that it has resolve to our address, is foreign: its Origin says so, whatever the Host is.
static bool is_origin_local(const char *origin) {
    const char *host = strncmp(origin, "http://", 7) == 0    ? origin + 7
                       : strncmp(origin, "https://", 8) == 0 ? origin + 8
                                                             : NULL;
    if (host == NULL) return false;
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (length > strlen(host) || !is_loopback(host, length)) return false;
    const char *port = host + length;
    return port[0] == '\0' ||
           (port[0] == ':' && port[1] != '\0' && port[1 + strspn(port + 1, "0123456789")] == '\0');
}

// Whether such a request is taken at all; else the response says why not.
static bool is_welcome(const struct http_request *request, struct http_response *response) {
    const char *origins[2];
    size_t count = http_request_headers(request, "Origin", origins, 2);
    if (count > 1 || (count == 1 && !is_origin_local(origins[0]))) {
        http_response_set_problem(response, 403, "forbidden",
                                  "Pages of other sites may not use /mcp: the Origin of this "
                                  "request is not on this machine.");
        return false;
    }
    if (strcmp(http_request_media_type(request), "application/json") != 0) {
        struct problem problem = {.accepted = "application/json"};
        error_set(&problem.error, ERROR_UNSUPPORTED,
                  "Send a JSON-RPC message as application/json.");
        problem_answer(&problem, response);
        return false;
    }
    const char *accept = http_request_header(request, "Accept");
    if (http_accept_read(accept, "application/json", NULL).quality > 0) return true;
    http_response_set_problem(response, 406, "not_acceptable",
                              "Messages are answered as application/json; have Accept name it.");
    return false;
}

static bool revision_read(const struct http_request *request, enum mcp_revision *revision,
                          struct rpc_error *error) {
    const char *names[2];
    size_t count = http_request_headers(request, "MCP-Protocol-Version", names, 2);
    *revision = MCP_2025_03_26;  // what a request without the header means
    if (count == 0 || (count == 1 && mcp_revision_find(names[0], revision))) return true;
    if (count > 1)
        return rpc_fail(error, MCP_HEADER_MISMATCH, "Send one MCP-Protocol-Version, no more.");
    error->data = mcp_unsupported_data(names[0]);
    return rpc_fail(error, MCP_UNSUPPORTED_REVISION,
                    "The revision in MCP-Protocol-Version is not spoken here.");
}

// A header's value as it is, or as base64 in =?base64?...?=.
static bool header_says(const struct http_request *request, const char *name, const char *value) {
    const char *headers[2];
    if (http_request_headers(request, name, headers, 2) != 1) return false;
    size_t length = strlen(headers[0]), start = strlen(encoded_start), end = strlen(encoded_end);
    if (length < start + end || strncmp(headers[0], encoded_start, start) != 0 ||
        strcmp(headers[0] + length - end, encoded_end) != 0)
        return strcmp(headers[0], value) == 0;
    bool is_valid;
    size_t size = 0;
    uint8_t *decoded =
        base64_decode_create(headers[0] + start, length - start - end, &size, &is_valid);
    bool is_same = decoded != NULL && size == strlen(value) && memcmp(decoded, value, size) == 0;
    memory_free(decoded);
    return is_same;
}

// Of a request that tells its revision, the headers have to repeat what proxies look at.
static bool headers_match(const struct http_request *request, const struct rpc_message *message,
                          struct rpc_error *error) {
    const json_t *meta = json_object_get(message->params, "_meta");
    const char *revision = json_string_value(json_object_get(meta, MCP_META_REVISION));
    const char *member = strcmp(message->method, "tools/call") == 0       ? "name"
                         : strcmp(message->method, "resources/read") == 0 ? "uri"
                                                                          : "";
    const char *name = json_string_value(json_object_get(message->params, member));
    const char *wrong = NULL;
    if (revision != NULL && !header_says(request, "MCP-Protocol-Version", revision))
        wrong = "MCP-Protocol-Version";
    else if (!header_says(request, "Mcp-Method", message->method))
        wrong = "Mcp-Method";
    else if (name != NULL && !header_says(request, "Mcp-Name", name))
        wrong = "Mcp-Name";
    return wrong == NULL ||
           rpc_fail(error, MCP_HEADER_MISMATCH,
                    "The header %s is missing, or is not what the message says.", wrong);
}

static bool tells_revision(const struct rpc_message *message) {
    const json_t *meta = json_object_get(message->params, "_meta");
    return json_object_get(meta, MCP_META_REVISION) != NULL;
}

// What cannot be answered before the message itself is looked at: NULL when it can.
static json_t *refusal_create(const struct http_request *request, json_t *json,
                              enum mcp_revision revision) {
    struct rpc_message message;
    struct rpc_error ignored = {0}, error = {0};
    if (!json_is_object(json) || !rpc_message_read(json, &message, &ignored) ||
        message.kind != RPC_REQUEST)
        return NULL;
    bool is_stateless = !mcp_revision_has_handshake(revision) || tells_revision(&message);
    enum mcp_revision told;
    if (!is_stateless || (headers_match(request, &message, &error) &&
                          mcp_request_revision(&message, revision, &told, &error)))
        return NULL;
    return rpc_error_create(message.id, &error);
}

static int status_of(const json_t *answer, bool is_stateless) {
    switch (rpc_answer_code(answer)) {
        case RPC_PARSE_ERROR:
        case RPC_INVALID_REQUEST:
        case MCP_HEADER_MISMATCH:
        case MCP_UNSUPPORTED_REVISION:
            return 400;
        case RPC_INVALID_PARAMS:
            return is_stateless ? 400 : 200;
        case RPC_METHOD_NOT_FOUND:
            return is_stateless ? 404 : 200;
        default:
            return 200;
    }
}

static json_t *answer_create(struct api *api, const struct http_request *request,
                             bool *is_stateless) {
    struct mcp_backend backend;
    struct rpc_error error = {0};
    enum mcp_revision revision;
    size_t size = 0;
    const char *body = (const char *)http_request_body(request, &size);
    json_t *json = revision_read(request, &revision, &error) ? rpc_parse(body, size, &error) : NULL;
    *is_stateless = error.code == 0 && !mcp_revision_has_handshake(revision);
    if (json == NULL) return rpc_error_create(NULL, &error);
    json_t *answer = refusal_create(request, json, revision);
    mcp_backend_init(&backend, api);
    if (answer == NULL) answer = mcp_answer(&backend, revision, json);
    json_decref(json);
    return answer;
}

void mcp_post(struct http_request *request, struct http_response *response, void *context) {
    bool is_stateless;
    if (!is_welcome(request, response)) return;
    json_t *answer = answer_create(context, request, &is_stateless);
    if (answer != NULL)
        answer_json(response, status_of(answer, is_stateless), answer);
    else
        http_response_set_status(response, 202);  // a notification: nothing is answered
}
