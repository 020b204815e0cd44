#include "http/admission.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// Headers that decide where a request ends. Two readers that disagree about one of them (a proxy
// and we) see different requests in the same bytes: request smuggling. So each may come once.
struct framing {
    size_t hosts;
    size_t content_lengths;
    size_t transfer_encodings;
    const char *content_length;
    const char *transfer_encoding;
    bool is_broken;  // a name or a value that HTTP does not allow
};

static bool is_token(const char *text) {
    static const char others[] = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
    if (*text == '\0') return false;
    for (const char *c = text; *c != '\0'; c++) {
        bool is_alphanumeric =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        if (!is_alphanumeric && strchr(others, *c) == NULL) return false;
    }
    return true;
}

// libmicrohttpd before 1.0 takes header lines that go on in the next line, and glues that line to
// the name: "Transfer-Encodingchunked". Other folded headers are only useless.
static bool is_folded_framing(const char *name) {
    static const char *const framing_names[] = {"Content-Length", "Transfer-Encoding", "Host"};
    for (size_t i = 0; i < sizeof framing_names / sizeof framing_names[0]; i++) {
        size_t length = strlen(framing_names[i]);
        if (strncasecmp(name, framing_names[i], length) == 0 && name[length] != '\0') return true;
    }
    return false;
}

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    struct framing *framing = context;
    if (value == NULL) value = "";
    if (!is_token(name) || is_folded_framing(name)) framing->is_broken = true;
    for (const char *c = value; *c != '\0'; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) framing->is_broken = true;
    if (strcasecmp(name, "Host") == 0) framing->hosts++;
    if (strcasecmp(name, "Content-Length") == 0) {
        framing->content_lengths++;
        framing->content_length = value;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->transfer_encodings++;
        framing->transfer_encoding = value;
    }
    return MHD_YES;
}

static bool refuse(struct http_request *request, enum error_kind kind, const char *sentence) {
    struct error err = {0};
    error_set(&err, kind, "%s", sentence);
    http_response_set_error(&request->response, &err);
    return false;
}

static bool framing_is_sound(struct http_request *request, const struct framing *framing) {
    const char *fault = NULL;
    if (framing->is_broken) fault = "a header has characters that HTTP does not allow";
    if (framing->hosts > 1) fault = "the request has more than one Host header";
    if (framing->hosts == 0 && !request->is_http_1_0) fault = "the request has no Host header";
    if (framing->content_lengths > 1) fault = "the request has more than one Content-Length";
    if (framing->transfer_encodings > 0) {
        if (framing->content_lengths > 0)
            fault = "the request has both Content-Length and Transfer-Encoding";
        else if (request->is_http_1_0 || framing->transfer_encodings > 1 ||
                 strcasecmp(framing->transfer_encoding, "chunked") != 0)
            fault = "the request has a Transfer-Encoding other than one chunked, or is HTTP/1.0";
    }
    if (fault == NULL) return true;
    request->must_close = true;
    return refuse(request, ERROR_BAD_REQUEST, fault);
}

// The announced length; SIZE_MAX when it does not fit. libmicrohttpd has refused other than digits.
static size_t announced_length(const char *text) {
    size_t length = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (!size_multiply(length, 10, &length) ||
            !size_add(length, (size_t)(*text - '0'), &length))
            return SIZE_MAX;
    return length;
}

static bool find_route(struct http_request *request, const struct http_route *routes,
                       size_t route_count) {
    if (request->target_error.kind != ERROR_NONE) {
        http_response_set_error(&request->response, &request->target_error);
        if (request->target_error.kind == ERROR_BAD_REQUEST) request->must_close = true;
        return false;
    }
    request->match = router_find(routes, route_count, request->method, &request->target);
    if (request->match.route != NULL) return true;
    if (request->match.other == NULL)
        return refuse(request, ERROR_NOT_FOUND, "Not Found: there is nothing at this address");

    struct byte_buffer allowed;
    byte_buffer_init(&allowed, 256);  // every HTTP method together is shorter
    router_allowed_methods(routes, route_count, &request->target, &allowed);
    char detail[400];
    (void)snprintf(detail, sizeof detail, "Method Not Allowed: this address takes %s",
                   allowed.bytes == NULL ? "" : allowed.bytes);
    http_response_set_problem(&request->response, 405, "method_not_allowed", detail);
    if (allowed.bytes != NULL) http_response_add_header(&request->response, "Allow", allowed.bytes);
    byte_buffer_clear(&allowed);
    return false;
}

static bool body_is_welcome(struct http_request *request, const struct framing *framing) {
    const char *encoding = http_request_header(request, "Content-Encoding");
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0)
        return refuse(request, ERROR_UNSUPPORTED,
                      "the body has a Content-Encoding; send it without compression");
    request->body_limit = request->match.route->max_body_bytes;
    size_t length = framing->content_length == NULL ? 0 : announced_length(framing->content_length);
    if (request->body_limit == 0 && (length > 0 || framing->transfer_encoding != NULL))
        return refuse(request, ERROR_TOO_LARGE, "this address takes no body");
    if (length > request->body_limit) {
        char sentence[128];
        (void)snprintf(sentence, sizeof sentence,
                       "the body has %zu bytes; this address takes %zu at most", length,
                       request->body_limit);
        return refuse(request, ERROR_TOO_LARGE, sentence);
    }
    size_t held = atomic_load(request->body_budget);
    if (length > 0 && (held > request->body_budget_max || length > request->body_budget_max - held))
        return refuse(request, ERROR_OVERLOADED,
                      "too many uploads are under way; try again shortly");
    return true;
}

bool admission_check(struct http_request *request, const struct http_route *routes,
                     size_t route_count) {
    struct framing framing = {0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, note_header, &framing);
    if (!framing_is_sound(request, &framing)) return false;
    bool has_body =
        framing.transfer_encoding != NULL ||
        (framing.content_length != NULL && announced_length(framing.content_length) > 0);
    bool is_admitted =
        find_route(request, routes, route_count) && body_is_welcome(request, &framing);
    if (!is_admitted && has_body) request->must_close = true;
    if (is_admitted) http_request_note_media_type(request);
    return is_admitted;
}
