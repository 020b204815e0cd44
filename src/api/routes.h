// The one list of endpoints. The server's routes, the OpenAPI document and the page at /docs are
// all derived from it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/parameter.h"
#include "http/server.h"

enum api_body { BODY_NONE, BODY_PICTURE };

enum { ROUTE_PARAMETERS_MAX = 4, ROUTE_ERRORS_MAX = 10 };

struct api_answer {
    int status;
    const char *media_type;   // NULL: no body
    const char *schema;       // a name in web/schemas.json; NULL: not JSON
    const char *description;  // of the answer
};

struct api_route {
    const char *method;
    const char *path;
    http_handler *handler;
    bool is_instant;
    enum api_body body;
    const char *operation;  // OpenAPI's operationId
    const char *tag;
    const char *summary;
    const char *description;
    const struct api_parameter *parameters[ROUTE_PARAMETERS_MAX];  // up to the first NULL
    struct api_answer answer;                                      // when all went well
    bool has_not_modified;                                         // 304 to If-None-Match
    int errors[ROUTE_ERRORS_MAX];  // statuses of problem answers, up to the first 0
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;
