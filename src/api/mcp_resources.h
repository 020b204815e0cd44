// Stored pictures as resources of the Model Context Protocol: imgrouter://image/ID.
#pragma once

#include "api/api.h"
#include "mcp/rpc.h"

// The results of resources/list, resources/templates/list and resources/read. NULL with an error.
json_t *mcp_resources_list(const struct api *api, const json_t *params, struct rpc_error *error);
json_t *mcp_resource_templates_list(void);
json_t *mcp_resource_read(const struct api *api, const json_t *params, struct rpc_error *error);
