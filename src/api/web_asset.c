#include "api/web_asset.h"

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

WEB_ASSET(web_docs_html, "docs.html");
WEB_ASSET(web_docs_css, "docs.css");
WEB_ASSET(web_docs_js, "docs.js");
WEB_ASSET(web_schemas_json, "schemas.json");
WEB_ASSET(web_mcp_tools_json, "mcp_tools.json");
