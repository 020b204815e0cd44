// The revisions of the Model Context Protocol that we speak. Those up to 2025-11-25 begin with a
// handshake (`initialize`); from 2026-07-28 on there is none, and every request tells its revision.
#pragma once

#include <stdbool.h>

enum mcp_revision {
    MCP_2024_11_05,
    MCP_2025_03_26,
    MCP_2025_06_18,
    MCP_2025_11_25,
    MCP_2026_07_28,
    MCP_REVISION_COUNT,
    MCP_NEWEST_WITH_HANDSHAKE = MCP_2025_11_25,
};

const char *mcp_revision_name(enum mcp_revision revision);  // "2025-11-25"
bool mcp_revision_find(const char *name, enum mcp_revision *revision);
bool mcp_revision_has_handshake(enum mcp_revision revision);
bool mcp_revision_has_batches(enum mcp_revision revision);  // several messages in one JSON array
