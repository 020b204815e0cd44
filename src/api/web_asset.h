// Files that travel inside the binary: the page at /docs, the schemas of the OpenAPI document,
// the tools of the Model Context Protocol.
#pragma once

extern const char web_docs_html[], web_docs_html_end[];
extern const char web_docs_css[], web_docs_css_end[];
extern const char web_docs_js[], web_docs_js_end[];
extern const char web_schemas_json[], web_schemas_json_end[];
extern const char web_mcp_tools_json[], web_mcp_tools_json_end[];
