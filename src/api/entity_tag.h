// What a browser has already need not be sent again: RFC 9110, 13.1.2.
#pragma once

#include <stdbool.h>

#include "http/server.h"

// Whether If-None-Match names this tag (with its quotes; neither commas nor quotes inside) or is
// "*": the answer is then a 304.
bool entity_tag_is_known(const struct http_request *request, const char *entity_tag);
