// The tools, one function each. Arguments have been checked against the tool's schema.
#pragma once

#include <jansson.h>

#include "api/api.h"

// What a tool answers, structured; content that is to be seen is appended to `shown`. NULL with an
// error set.
typedef json_t *mcp_tool_function(struct api *api, const json_t *arguments, json_t *shown,
                                  struct error *err);

mcp_tool_function mcp_search;    // mcp_search.c
mcp_tool_function mcp_similar;   //
mcp_tool_function mcp_caption;   // mcp_caption.c
mcp_tool_function mcp_describe;  // mcp_describe.c
