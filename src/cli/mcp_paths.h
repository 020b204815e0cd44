// Pictures by the path of their file, for clients on this machine that run as the same user. A
// backend around another one: what comes as a path goes on as bytes, so that no server ever opens
// a file because a client named it.
#pragma once

#include "mcp/protocol.h"

struct mcp_paths {
    const struct mcp_backend *inner;
    size_t max_bytes;  // of a picture
};

// `paths` must outlive the backend.
void mcp_paths_init(struct mcp_backend *backend, const struct mcp_paths *paths);
