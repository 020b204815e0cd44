#include "api/web_asset.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

// .incbin lets the assembler copy the file as it is: no generator, no tool, gcc and clang alike.
// API_WEB_FOLDER comes from the room's CMakeLists.txt, which also lists the files as dependencies.
#define WEB_ASSET(symbol, file)              \
    __asm__(                                 \
        ".pushsection .rodata\n"             \
        ".global " #symbol "\n" #symbol      \
        ":\n"                                \
        ".incbin \"" API_WEB_FOLDER "/" file \
        "\"\n"                               \
        ".global " #symbol "_end\n" #symbol  \
        "_end:\n"                            \
        ".byte 0\n"                          \
        ".popsection\n")

WEB_ASSET(web_schemas_json, "schemas.json");
WEB_ASSET(web_mcp_tools_json, "mcp_tools.json");

#define WEB_FILE(symbol, name, media_type)                  \
    extern const char web_##symbol[], web_##symbol##_end[]; \
    WEB_ASSET(web_##symbol, name);
#include "api/web_asset_list.h"
#undef WEB_FILE

#define WEB_FILE(symbol, name, media_type) {name, media_type, web_##symbol, web_##symbol##_end, ""},
static struct web_asset assets[] = {
#include "api/web_asset_list.h"
};
#undef WEB_FILE

enum { ASSET_COUNT = sizeof assets / sizeof *assets };

static void tag_assets(void) {
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        sha256(assets[i].begin, (size_t)(assets[i].end - assets[i].begin), digest);
        sha256_hex(digest, hex);
        (void)snprintf(assets[i].entity_tag, sizeof assets[i].entity_tag, "\"%s\"", hex);
    }
}

const struct web_asset *web_asset_find(const char *name) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, tag_assets);
    for (size_t i = 0; i < ASSET_COUNT; i++)
        if (strcmp(assets[i].name, name) == 0) return &assets[i];
    return NULL;
}
