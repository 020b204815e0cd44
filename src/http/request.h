// One request from its first line to its answer. The event thread of its connection owns it; while
// the connection is suspended (REQUEST_WAITING) the queue and then one handler thread do.
// libmicrohttpd does not touch suspended connections, so the two never meet.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "http/multipart.h"
#include "http/response.h"
#include "http/router.h"
#include "http/server.h"
#include "http/target.h"

struct MHD_Connection;

enum { REQUEST_ID_SIZE = 129, REQUEST_MEDIA_TYPE_SIZE = 128, REQUEST_METHOD_SIZE = 16 };

enum request_phase { REQUEST_NEW, REQUEST_RECEIVING, REQUEST_WAITING, REQUEST_HANDLED };

struct http_request {
    struct MHD_Connection *connection;
    enum request_phase phase;
    char id[REQUEST_ID_SIZE];
    char method[REQUEST_METHOD_SIZE];
    int64_t started_monotonic_ns;
    int64_t handled_monotonic_ns;  // when a handler thread began; 0: none did

    struct target target;
    struct error target_error;
    struct route_match match;
    bool is_http_1_0;
    char media_type[REQUEST_MEDIA_TYPE_SIZE];

    unsigned char *body;
    size_t body_size;
    size_t body_capacity;
    size_t body_limit;           // of the route
    size_t received_bytes;       // of the body, thrown away ones included
    size_t discarded_bytes;      // thrown away after the refusal
    struct error refusal;        // why the body is not taken any more
    atomic_size_t *body_budget;  // bytes held by all requests together
    size_t body_budget_max;

    struct multipart_form form;
    bool has_form;
    struct error form_error;

    struct http_response response;
    bool is_refused;  // by its headers; the response says why
    bool must_close;
    _Alignas(max_align_t) unsigned char notes[];  // of the handler's owner, for the observer
};

// NULL when memory is out. A bad target is kept in target_error: the answer comes later.
struct http_request *http_request_create(const char *raw_target, struct MHD_Connection *connection,
                                         size_t notes_size);
void http_request_destroy(struct http_request *request);

// False when the client sends on and on after its body was refused: hang up.
bool http_request_add_body(struct http_request *request, const void *bytes, size_t size);
void http_request_drop_body(struct http_request *request);
void http_request_note_media_type(struct http_request *request);
