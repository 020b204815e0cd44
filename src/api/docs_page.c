// The page at /docs: it reads /openapi.json, lists every endpoint and can try it. Three files of
// our own, no other host is asked for anything.
#include "api/handlers.h"
#include "api/web_asset.h"

static void asset_answer(struct http_response *response, const char *media_type, const char *begin,
                         const char *end) {
    http_response_add_header(response, "Cache-Control", "no-cache");
    http_response_add_header(response, "Referrer-Policy", "no-referrer");
    // blob: shows the picture that an endpoint answered.
    http_response_add_header(response, "Content-Security-Policy",
                             "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'");
    http_response_set_status(response, 200);
    http_response_set_static_body(response, media_type, begin, (size_t)(end - begin));
}

void docs_page(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    (void)context;
    asset_answer(response, "text/html; charset=utf-8", web_docs_html, web_docs_html_end);
}

void docs_style(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    (void)context;
    asset_answer(response, "text/css; charset=utf-8", web_docs_css, web_docs_css_end);
}

void docs_script(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    (void)context;
    asset_answer(response, "text/javascript; charset=utf-8", web_docs_js, web_docs_js_end);
}

void root_redirect(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    (void)context;
    http_response_add_header(response, "Location", "/docs");
    http_response_set_status(response, 302);
}
