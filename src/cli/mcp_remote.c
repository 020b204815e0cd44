#include "cli/mcp_remote.h"

#include <stdio.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "cli/server_address.h"
#include "cloud/fetch_pool.h"
#include "store/store.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    ANSWER_TIMEOUT_MS = 600000,  // a caption of a slow provider, behind others
    ANSWER_SIZE_MAX = 128 * 1024 * 1024,
};

struct mcp_remote {
    char address[STORE_URL_SIZE];  // as the user knows it
    char url[STORE_URL_SIZE + 8];
    struct fetch_pool *clients;
};

struct mcp_remote *mcp_remote_create(const char *address, struct error *err) {
    char trimmed[STORE_URL_SIZE];
    if (!server_address_read(address, trimmed, err)) return NULL;
    struct mcp_remote *remote = memory_alloc(sizeof *remote);
    memcpy(remote->address, trimmed, sizeof remote->address);
    (void)snprintf(remote->url, sizeof remote->url, "%s/mcp", remote->address);
    remote->clients = fetch_pool_create();
    return remote;
}

void mcp_remote_destroy(struct mcp_remote *remote) {
    if (remote == NULL) return;
    fetch_pool_destroy(remote->clients);
    memory_free(remote);
}

static bool keep_answer(void *context, long status, const void *bytes, size_t size,
                        struct error *err) {
    (void)status;
    return byte_buffer_append(context, bytes, size) ||
           error_set(err, ERROR_UPSTREAM, "the server's answer is too long");
}

static bool send(const struct mcp_remote *remote, const char *message, size_t size,
                 struct byte_buffer *answer, long *status, struct error *err) {
    // Without a handshake before it, this revision is spoken all the same: there are no sessions.
    static const char *const headers[] = {"Accept: application/json",
                                          "MCP-Protocol-Version: 2025-11-25"};
    struct fetch_client *client = fetch_pool_take(remote->clients, err);
    if (client == NULL) return false;
    bool is_done =
        fetch_client_send(client,
                          &(struct fetch_request){.url = remote->url,
                                                  .method = "POST",
                                                  .json = message,
                                                  .json_size = size,
                                                  .headers = headers,
                                                  .header_count = sizeof headers / sizeof *headers,
                                                  .is_direct_on_loopback = true,
                                                  .takes_every_status = true,
                                                  .is_sent_once = true,
                                                  .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                  .stall_timeout_ms = ANSWER_TIMEOUT_MS,
                                                  .sink = keep_answer,
                                                  .context = answer},
                          status, err);
    fetch_pool_give(remote->clients, client);
    return is_done;
}

// The message to send: no _meta, which belongs to the client's own revision.
static char *message_create(const char *method, const json_t *params, size_t *size) {
    json_t *sent = params != NULL ? json_copy((json_t *)params) : json_object();
    json_object_del(sent, "_meta");
    json_t *message = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method,
                                "params", sent);
    *size = json_dumpb(message, NULL, 0, JSON_COMPACT);
    char *text = memory_try(*size);
    if (text != NULL) (void)json_dumpb(message, text, *size, JSON_COMPACT);
    json_decref(message);
    return text;
}

// The result in an answer, or an error that says what came in its place.
static json_t *result_take(const struct mcp_remote *remote, long status,
                           const struct byte_buffer *bytes, struct rpc_error *error) {
    json_t *answer = json_loadb(bytes->size > 0 ? bytes->bytes : "", bytes->size, 0, NULL);
    json_t *result = json_incref(json_object_get(answer, "result"));
    json_t *fault = json_object_get(answer, "error");
    const char *text = json_string_value(json_object_get(fault, "message"));
    const char *detail = json_string_value(json_object_get(answer, "detail"));
    int code = rpc_answer_code(answer);
    if (result != NULL) {
        json_decref(answer);
        return result;
    }
    if (code != 0 && text != NULL) {
        error->data = json_incref(json_object_get(fault, "data"));
        rpc_fail(error, code, "%s", text);
    } else if (detail != NULL && status != 404 && status != 405) {
        rpc_fail(error, RPC_INTERNAL_ERROR, "%s answered %ld: %s", remote->address, status, detail);
    } else {
        rpc_fail(
            error, RPC_INTERNAL_ERROR,
            "%s does not know POST /mcp (it answered %ld); is it an imgrouter of this version?",
            remote->address, status);
    }
    json_decref(answer);
    return NULL;
}

static json_t *answer(void *context, const char *method, const json_t *params,
                      struct rpc_error *error) {
    const struct mcp_remote *remote = context;
    struct byte_buffer bytes;
    struct error err = {0};
    size_t size = 0;
    long status = 0;
    json_t *result = NULL;
    char *message = message_create(method, params, &size);
    byte_buffer_init(&bytes, ANSWER_SIZE_MAX);
    if (message == NULL)
        rpc_fail(error, RPC_INTERNAL_ERROR, "There is no memory for this message.");
    else if (!send(remote, message, size, &bytes, &status, &err))
        rpc_fail(error, RPC_INTERNAL_ERROR, "%s: %s", remote->address, err.text);
    else
        result = result_take(remote, status, &bytes, error);
    memory_free(message);
    byte_buffer_clear(&bytes);
    return result;
}

void mcp_remote_backend(struct mcp_remote *remote, const char *version,
                        struct mcp_backend *backend) {
    *backend = (struct mcp_backend){.answer = answer, .context = remote, .version = version};
}
