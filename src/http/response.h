// What a handler builds; server.h has the functions it builds it with.
#pragma once

#include "http/server.h"

struct MHD_Connection;
struct MHD_Response;

enum { RESPONSE_HEADERS_MAX = 16 };

struct response_header {
    char *name;
    char *value;
};

struct http_response {
    int status;
    struct response_header headers[RESPONSE_HEADERS_MAX];
    size_t header_count;
    const char *content_type;  // NULL: no body
    char *body;                // owned
    const void *static_body;   // borrowed; used when `body` is NULL
    size_t size;
    struct event_stream *stream;  // owned; in place of a body
    bool is_stream;               // stays when the stream is handed over
    const char *request_id;       // borrowed; shown in problems
    // What the observer is told of a problem: its code (a literal; NULL: none was set), its text.
    const char *problem_code;
    char problem_detail[ERROR_TEXT_SIZE];
};

// problem+json with a status that no kind of error has, like 405.
void http_response_set_problem(struct http_response *response, int status, const char *code,
                               const char *detail);
// Hands the body over to a response of libmicrohttpd for this connection. NULL when memory is out.
struct MHD_Response *http_response_take(struct http_response *response,
                                        struct MHD_Connection *connection);
void http_response_clear(struct http_response *response);
