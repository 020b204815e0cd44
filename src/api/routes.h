// The one list of endpoints. The server's routes, the OpenAPI document and the page at /docs are
// all derived from it.
#pragma once

#include <stddef.h>

#include "api/parameter.h"
#include "http/server.h"

enum route_flags {
    ROUTE_WAITS = 0,
    ROUTE_INSTANT = 1,          // runs on the event thread
    ROUTE_TAKES_PICTURE = 2,    // in the three forms of picture_body.h
    ROUTE_HAS_ENTITY_TAG = 4,   // answers 304 to If-None-Match
    ROUTE_TAKES_PICTURES = 8,   // in the two forms of batch_body.h
    ROUTE_TAKES_CHANGE = 16,    // JSON, as images_change.c reads it
    ROUTE_MAY_BE_LATER = 32,    // answers 202 and a job to async=true
    ROUTE_TAKES_MESSAGE = 64,   // JSON-RPC, as mcp_post.c reads it; may be answered 202
    ROUTE_TAKES_FOREIGN = 128,  // what another program's protocol has: openapi_protocols.c
};

enum { ROUTE_PARAMETERS_MAX = 16, ROUTE_ERRORS_MAX = 10 };

struct api_answer {
    int status;
    const char *media_type;   // NULL: no body
    const char *schema;       // a name in web/schemas.json; NULL: bytes
    const char *description;  // of the answer
};

struct api_route {
    const char *method;
    const char *path;
    http_handler *handler;
    unsigned flags;         // of enum route_flags
    const char *operation;  // OpenAPI's operationId
    const char *tag;
    const char *summary;
    const char *description;
    const struct api_parameter *parameters[ROUTE_PARAMETERS_MAX];  // up to the first NULL
    struct api_answer answer;                                      // when all went well
    int errors[ROUTE_ERRORS_MAX];  // statuses of problems but 400, which all answer; ends in 0
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;
