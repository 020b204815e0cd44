// HTTP/1.1 server on libmicrohttpd: routes, limits, forms, responses. Knows bytes, not captions.
//
// Threads: a few event threads accept, read and write; they never run a handler that may wait.
// A complete request goes to the pool of handler threads through a bounded queue while its
// connection is suspended; a full queue answers 503 with Retry-After at once. Handlers of routes
// marked is_instant (health, metrics, documents) run on the event thread, so they answer also
// when every handler thread is busy.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

enum { HTTP_PATH_PARAMETERS_MAX = 4 };

struct http_part {  // one part of a multipart/form-data body
    const char *name;
    const char *file_name;     // NULL when the part has none; a hint, folders already stripped
    const char *content_type;  // NULL when the part has none
    const unsigned char *bytes;
    size_t size;
};

struct http_request;  // valid during the handler's call
// Value of the n-th {placeholder} of the route, percent-decoded.
const char *http_request_path_parameter(const struct http_request *request, size_t index);
const struct http_route *http_request_route(const struct http_request *request);  // NULL: none
const char *http_request_method(const struct http_request *request);              // as sent
int64_t http_request_started_ns(const struct http_request *request);              // monotonic
// Percent-decoded, valid UTF-8; NULL when absent, "" when without a value. The first of repeated
// ones.
const char *http_request_query(const struct http_request *request, const char *name);
const char *http_request_header(const struct http_request *request, const char *name);
// All headers of this name, in order, the first `max` of them in `values`. Returns how many came.
size_t http_request_headers(const struct http_request *request, const char *name,
                            const char **values, size_t max);
const unsigned char *http_request_body(const struct http_request *request, size_t *size);
// "image/png" of the Content-Type header, lower case, without parameters; "" when absent.
const char *http_request_media_type(const struct http_request *request);
// The options' notes_size bytes, zeros at first: what the handler wants the observer to know.
void *http_request_notes(struct http_request *request);
// Parses a multipart/form-data body on first use. NULL with ERROR_BAD_REQUEST or ERROR_TOO_LARGE.
const struct http_part *http_request_parts(struct http_request *request, size_t *count,
                                           struct error *err);

struct http_response;
void http_response_set_status(struct http_response *response, int status);
// Copies name and value; values with CR or LF are dropped.
void http_response_add_header(struct http_response *response, const char *name, const char *value);
// Takes the body (memory_free'd later); content_type is a literal or outlives the response.
void http_response_take_body(struct http_response *response, const char *content_type, char *body,
                             size_t size);
// Borrows the body: it must outlive the server (embedded pages).
void http_response_set_static_body(struct http_response *response, const char *content_type,
                                   const void *body, size_t size);
// The words of a status, the `title` of problems: "Not Found".
const char *http_status_title(int status);
// application/problem+json of RFC 9457 with `detail`, the status of the kind, Retry-After for
// 429 and 503.
void http_response_set_error(struct http_response *response, const struct error *err);
// With more members (taken over; NULL: none). The observer is told `summary` in place of the text,
// where that quotes what nobody else should read; NULL: the text.
struct json_t;
void http_response_set_error_with(struct http_response *response, const struct error *err,
                                  struct json_t *members, const char *summary);

typedef void http_handler(struct http_request *request, struct http_response *response,
                          void *context);

struct http_route {
    const char *method;  // "GET"; HEAD is answered from GET
    const char *path;    // "/images/{id}/content"
    http_handler *handler;
    bool is_instant;        // runs on the event thread: must not wait
    size_t max_body_bytes;  // 0: no body accepted
};

// A finished request.
struct http_observation {
    const char *method;     // the route's (GET for HEAD) where there is one
    const char *route;      // the template; NULL for an unknown path or method
    const char *path;       // as sent, without the query: any bytes
    int status;             // 499 when the client went away before its answer
    double seconds;         // from the first line to the last byte of the answer
    double accept_seconds;  // of these until a handler thread began; negative: none did
    const char *id;         // the client's X-Request-Id where it is visible ASCII, else a drawn one
    const char *client;     // its address; of a proxy, where one is between
    size_t request_bytes, response_bytes;  // of the bodies; streams are not counted
    bool is_stream;                        // of events: it took as long as the client wanted
    const char *problem_code;              // NULL: no problem was answered
    const char *problem_detail;
    const void *notes;  // what the handler noted
    const struct http_request *request;
};

// Told of every finished request, on an event thread, for as long as the call takes.
typedef void http_observer(void *context, const struct http_observation *observation);

struct event_hub;

struct http_server_options {
    const char *host;                 // "127.0.0.1", "0.0.0.0", "::"
    uint16_t port;                    // 0: any free one, see http_server_port
    const struct http_route *routes;  // must outlive the server
    size_t route_count;
    void *context;             // handed to handlers and the observer
    http_observer *observer;   // may be NULL
    size_t notes_size;         // see http_request_notes
    struct event_hub *events;  // of event_stream.h, closed when the server stops; may be NULL
    size_t event_threads;
    size_t handler_threads;
    size_t queue_capacity;  // requests waiting for a handler thread
    size_t connection_limit;
    unsigned idle_timeout_s;        // a connection that neither sends nor receives
    unsigned request_timeout_s;     // from the first byte of a request to its last
    size_t max_pending_body_bytes;  // sum of the bodies held at once; beyond: 503
};

struct http_server;

struct http_server *http_server_create(const struct http_server_options *options,
                                       struct error *err);
uint16_t http_server_port(const struct http_server *server);
// Answers what is under way (at most drain_timeout_ms), and new requests to instant routes, so that
// probes hear how it is; all others 503. Then stops accepting and closes. Frees.
void http_server_destroy(struct http_server *server, int drain_timeout_ms);
size_t http_server_active_requests(struct http_server *server);
size_t http_server_queue_depth(struct http_server *server);  // requests waiting for a thread
