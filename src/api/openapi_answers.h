// What an operation can answer, for the OpenAPI document: statuses, headers, bodies, examples.
#pragma once

#include <jansson.h>

#include "api/routes.h"

// {"$ref": "#/components/schemas/NAME"}
json_t *openapi_schema_reference(const char *name);
// A Media Type Object: the reference, and the first example of the schema in `schemas`, the parsed
// web/schemas.json.
json_t *openapi_media_type(const json_t *schemas, const char *name);
// The Responses Object of a route.
json_t *openapi_responses(const json_t *schemas, const struct api_route *route);
// The headers that answers refer to.
json_t *openapi_headers(void);
