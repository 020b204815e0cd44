// What a server of the Model Context Protocol answers, whatever carries the messages: revisions are
// negotiated, errors told, and what is asked of tools and resources goes to a backend. Keeps
// nothing between messages. Any thread.
#pragma once

#include "mcp/revision.h"
#include "mcp/rpc.h"

enum { MCP_BATCH_MAX = 32 };  // messages

// The members of a request's params._meta that tell its revision, from 2026-07-28 on.
#define MCP_META_REVISION "io.modelcontextprotocol/protocolVersion"
#define MCP_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

struct mcp_backend {
    // The result of tools/list, tools/call, resources/list, resources/templates/list or
    // resources/read; `params` is borrowed and may be NULL. NULL with an error set. Any thread,
    // several at once; may take long.
    json_t *(*answer)(void *context, const char *method, const json_t *params,
                      struct rpc_error *error);
    void *context;
    const char *version;  // of the program
};

// The answer to a parsed message or batch; NULL: none is due. The caller drops the reference.
// `negotiated` is the revision that the handshake, or a header, agreed on; it decides about
// batches, and about requests that do not tell one.
json_t *mcp_answer(const struct mcp_backend *backend, enum mcp_revision negotiated, json_t *json);

// Is anything else than looking into tables needed to answer?
bool mcp_method_is_slow(const char *method);
// The revision that a request of `initialize` is answered with.
enum mcp_revision mcp_revision_negotiate(const json_t *params);
// {"supported": [...], "requested": ...}: what goes with MCP_UNSUPPORTED_REVISION.
json_t *mcp_unsupported_data(const char *requested);
// That request->params tell a revision in _meta: then *revision is it. false: it is none that we
// speak without a handshake, or something is missing.
bool mcp_request_revision(const struct rpc_message *request, enum mcp_revision negotiated,
                          enum mcp_revision *revision, struct rpc_error *error);
