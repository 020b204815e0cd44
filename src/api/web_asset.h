// Files that travel inside the binary: the page at /docs and the schemas of the OpenAPI document.
#pragma once

extern const char web_docs_html[], web_docs_html_end[];
extern const char web_docs_css[], web_docs_css_end[];
extern const char web_docs_js[], web_docs_js_end[];
extern const char web_schemas_json[], web_schemas_json_end[];
