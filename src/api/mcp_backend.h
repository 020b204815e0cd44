// The tools and resources of the Model Context Protocol, answered by the service. What tools there
// are, and what they take, is in web/mcp_tools.json.
#pragma once

#include "api/api.h"
#include "mcp/protocol.h"

// Of struct api the parts `service`, `metrics` and `version` are used; it must outlive the backend.
void mcp_backend_init(struct mcp_backend *backend, struct api *api);

// The largest message that a picture of max_upload_bytes comes in, as base64.
size_t mcp_message_size_max(size_t max_upload_bytes);
