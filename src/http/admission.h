// What is decided from a request's headers alone, before any of its body is read (and before
// 100 Continue is sent): is it one request beyond doubt, is there a route, may the body come.
#pragma once

#include "http/request.h"

// True: go on. False: request->response is the answer; must_close is set where the connection
// cannot be trusted any more or a body would follow.
bool admission_check(struct http_request *request, const struct http_route *routes,
                     size_t route_count);
