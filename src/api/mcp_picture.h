// Pictures in the messages of the Model Context Protocol: those that arguments name, thumbnails,
// and the addresses of stored ones.
#pragma once

#include <jansson.h>

#include "api/api.h"
#include "store/store.h"

// A picture that arguments name in one of the ways url and data.
struct mcp_picture {
    const char *url;  // borrowed; NULL: it came as bytes
    uint8_t *bytes;   // owned
    size_t size;
};

// ERROR_INVALID: none or more than one of url, data and, where it is one of the tool's, image_id;
// data that is no base64. `ways` is for sentences: "url or data". The caller
// clears *picture, also after a failure.
bool mcp_picture_read(const json_t *arguments, const char *ways, struct mcp_picture *picture,
                      struct error *err);
void mcp_picture_clear(struct mcp_picture *picture);

// imgrouter://image/ID
enum { MCP_URI_SIZE = 64 };
void mcp_uri_write(const char *id, char uri[static MCP_URI_SIZE]);
// The id in such an address; NULL: it is none. Borrowed.
const char *mcp_uri_id(const char *uri);

enum { MCP_THUMBNAIL_SIDE = 256 };
// A thumbnail as base64, a JSON string. NULL with an error set.
json_t *mcp_thumbnail_create(const struct api *api, const char *id, struct error *err);
// The same as content, after a text that names the picture. A picture that is gone, or cannot be
// decoded any more, is named as missing.
void mcp_thumbnail_show(const struct api *api, const char *id, json_t *shown);
