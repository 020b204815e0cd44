// A running server as the backend: what is asked of tools and resources goes to its POST /mcp.
#pragma once

#include "base/error.h"
#include "mcp/protocol.h"

struct mcp_remote;

// `address` as after --server. NULL with an error; nothing is sent yet.
struct mcp_remote *mcp_remote_create(const char *address, struct error *err);
void mcp_remote_destroy(struct mcp_remote *remote);  // takes NULL
void mcp_remote_backend(struct mcp_remote *remote, const char *version,
                        struct mcp_backend *backend);
