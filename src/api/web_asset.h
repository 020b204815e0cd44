// Files that travel inside the binary: the web pages, the schemas of the OpenAPI document, the
// tools of the Model Context Protocol.
#pragma once

#include "base/sha256.h"

struct web_asset {
    const char *name;  // "app.js"
    const char *media_type;
    const char *begin, *end;
    char entity_tag[SHA256_HEX_SIZE + 2];  // of its bytes, with quotes
};

// Of web_asset_list.h; NULL: there is no such file. From any thread.
const struct web_asset *web_asset_find(const char *name);

extern const char web_schemas_json[], web_schemas_json_end[];
extern const char web_mcp_tools_json[], web_mcp_tools_json_end[];
