// From method and path to a route. Templates are "/images/{id}/content"; a placeholder takes
// exactly one segment that is not empty. Few routes: a straight walk through the table.
#pragma once

#include "base/byte_buffer.h"
#include "http/server.h"
#include "http/target.h"

struct route_match {
    const struct http_route *route;  // of the path and the method; NULL: none
    const struct http_route *other;  // of the path under another method; NULL: unknown path
    const char *parameters[HTTP_PATH_PARAMETERS_MAX];
    size_t parameter_count;
};

// HEAD takes the route of GET.
struct route_match router_find(const struct http_route *routes, size_t count, const char *method,
                               const struct target *target);
// "GET, HEAD, POST": the methods of the target's path, for the Allow header.
void router_allowed_methods(const struct http_route *routes, size_t count,
                            const struct target *target, struct byte_buffer *text);
