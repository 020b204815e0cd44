#include "mcp/revision.h"

#include <string.h>

static const char *const names[MCP_REVISION_COUNT] = {
    [MCP_2024_11_05] = "2024-11-05", [MCP_2025_03_26] = "2025-03-26",
    [MCP_2025_06_18] = "2025-06-18", [MCP_2025_11_25] = "2025-11-25",
    [MCP_2026_07_28] = "2026-07-28",
};

const char *mcp_revision_name(enum mcp_revision revision) { return names[revision]; }

bool mcp_revision_find(const char *name, enum mcp_revision *revision) {
    for (int i = 0; i < MCP_REVISION_COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *revision = (enum mcp_revision)i;
        return true;
    }
    return false;
}

bool mcp_revision_has_handshake(enum mcp_revision revision) {
    return revision <= MCP_NEWEST_WITH_HANDSHAKE;
}

bool mcp_revision_has_batches(enum mcp_revision revision) { return revision == MCP_2025_03_26; }
