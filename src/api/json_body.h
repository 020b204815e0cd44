// A request's body as JSON.
#pragma once

#include <jansson.h>

#include "api/problem.h"
#include "http/server.h"

// Any JSON value; the caller drops the reference. NULL with ERROR_TOO_LARGE (over size_max) or
// ERROR_BAD_REQUEST. `example` shows what to send: {"url": "https://example.org/picture.jpg"}
json_t *json_body_read(const struct http_request *request, size_t size_max, const char *example,
                       struct problem *problem);
// A body that may be long because it has pictures in it: few values, of any length, and no
// Content-Type or a JSON one. Errors as above, with ERROR_UNSUPPORTED for another Content-Type.
json_t *json_body_read_long(const struct http_request *request, const char *example,
                            struct problem *problem);
