// The page at / with its files under /ui/, and the one at /docs. All are our own; no other host is
// asked for anything.
#include "api/entity_tag.h"
#include "api/handlers.h"
#include "api/web_asset.h"

static void asset_answer(const struct http_request *request, struct http_response *response,
                         const struct web_asset *asset) {
    http_response_add_header(response, "ETag", asset->entity_tag);
    http_response_add_header(response, "Cache-Control", "no-cache");
    http_response_add_header(response, "Referrer-Policy", "no-referrer");
    // blob: shows pictures that were picked or answered.
    http_response_add_header(response, "Content-Security-Policy",
                             "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'");
    if (entity_tag_is_known(request, asset->entity_tag)) {
        http_response_set_status(response, 304);
        return;
    }
    http_response_set_status(response, 200);
    http_response_set_static_body(response, asset->media_type, asset->begin,
                                  (size_t)(asset->end - asset->begin));
}

void web_index(struct http_request *request, struct http_response *response, void *context) {
    (void)context;
    asset_answer(request, response, web_asset_find("index.html"));
}

void web_file(struct http_request *request, struct http_response *response, void *context) {
    (void)context;
    const struct web_asset *asset = web_asset_find(http_request_path_parameter(request, 0));
    if (asset != NULL) {
        asset_answer(request, response, asset);
        return;
    }
    struct error err = {0};
    error_set(&err, ERROR_NOT_FOUND,
              "The web page has no such file; open / for the page that this server has.");
    http_response_set_error(response, &err);
}

void docs_page(struct http_request *request, struct http_response *response, void *context) {
    (void)context;
    asset_answer(request, response, web_asset_find("docs.html"));
}

void docs_style(struct http_request *request, struct http_response *response, void *context) {
    (void)context;
    asset_answer(request, response, web_asset_find("docs.css"));
}

void docs_script(struct http_request *request, struct http_response *response, void *context) {
    (void)context;
    asset_answer(request, response, web_asset_find("docs.js"));
}
