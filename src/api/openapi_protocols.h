// The endpoints of other programs' protocols in the OpenAPI document: their bodies and errors have
// shapes of their own.
#pragma once

#include <jansson.h>

#include "api/routes.h"

// Adds the body and the shape of errors to an operation whose responses are there already; nothing
// to a route that is none of these. `schemas`: the parsed web/schemas.json.
void openapi_protocol_add(const json_t *schemas, json_t *operation, const struct api_route *route);
