// GET /openapi.json. Paths come from routes.c, schemas with their examples from web/schemas.json.
#include "api/openapi.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/openapi_answers.h"
#include "api/openapi_protocols.h"
#include "api/routes.h"
#include "api/web_asset.h"

// The groups of endpoints, in the order in which they are shown.
static const struct {
    const char *name;
    const char *description;
} groups[] = {
    {"images", "Upload, read and delete images."},
    {"jobs", "Uploads that nobody waits for, and what happens meanwhile."},
    {"search", "Find images."},
    {"protocols", "What other programs speak already."},
    {"operation", "Health and metrics."},
    {"documents", "This description and the page that shows it."},
};

static json_t *tags_json(void) {
    json_t *tags = json_array();
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        json_array_append_new(tags, json_pack("{s:s, s:s}", "name", groups[i].name, "description",
                                              groups[i].description));
    return tags;
}

static json_t *parameter_schema_json(const struct api_parameter *parameter) {
    if (parameter->type == PARAMETER_INTEGER) {
        return json_pack("{s:s, s:I, s:I, s:I}", "type", "integer", "minimum",
                         (json_int_t)parameter->minimum, "maximum", (json_int_t)parameter->maximum,
                         "default", (json_int_t)parameter->fallback);
    }
    if (parameter->choices == NULL)
        return openapi_schema_reference(parameter->schema != NULL ? parameter->schema : "Text");
    json_t *choices = json_array();
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++)
        json_array_append_new(choices, json_string(*choice));
    return json_pack("{s:s, s:o}", "type", "string", "enum", choices);
}

static void add_parameter(json_t *parameters, const struct api_parameter *parameter) {
    static const char *const places[] = {"query", "path", "header"};  // enum parameter_place
    bool is_path = parameter->place == PARAMETER_PATH;
    json_t *json = json_pack("{s:s, s:s, s:b, s:s, s:o, s:s*}", "name", parameter->name, "in",
                             places[parameter->place], "required", is_path, "description",
                             parameter->description, "schema", parameter_schema_json(parameter),
                             "example", parameter->example);
    json_array_append_new(parameters, json);
}

static json_t *parameters_json(const struct api_route *route) {
    json_t *parameters = json_array();
    for (size_t i = 0; i < ROUTE_PARAMETERS_MAX && route->parameters[i] != NULL; i++)
        add_parameter(parameters, route->parameters[i]);
    if ((route->flags & ROUTE_HAS_ENTITY_TAG) != 0)
        add_parameter(parameters, &parameter_if_none_match);
    return parameters;
}

// The three body forms of picture_body.c.
static json_t *picture_body_json(const json_t *schemas) {
    static const char text[] =
        "A form with the picture in `file`, an address to fetch, or the picture itself.";
    json_t *form = openapi_media_type(schemas, "PictureForm");
    json_object_set_new(form, "encoding", json_pack("{s:{s:s}}", "file", "contentType", "image/*"));
    return json_pack("{s:s, s:b, s:{s:o, s:o, s:{}, s:{}}}",         //
                     "description", text, "required", 1, "content",  //
                     "multipart/form-data", form,                    //
                     "application/json",                             //
                     openapi_media_type(schemas, "PictureAddress"),  //
                     "image/*", "application/octet-stream");
}

// The two body forms of batch_body.c.
static json_t *batch_body_json(const json_t *schemas) {
    json_t *form = openapi_media_type(schemas, "BatchForm");
    json_object_set_new(form, "encoding", json_pack("{s:{s:s}}", "file", "contentType", "image/*"));
    return json_pack("{s:s, s:b, s:{s:o, s:o}}", "description",
                     "A form with the pictures, or addresses to fetch.", "required", 1, "content",
                     "multipart/form-data", form, "application/json",
                     openapi_media_type(schemas, "BatchAddresses"));
}

static json_t *json_body_json(const json_t *schemas, const char *description, const char *schema) {
    return json_pack("{s:s, s:b, s:{s:o}}", "description", description, "required", 1, "content",
                     "application/json", openapi_media_type(schemas, schema));
}

static json_t *operation_json(const json_t *schemas, const struct api_route *route) {
    json_t *json = json_pack("{s:s, s:[s], s:s, s:s, s:o, s:o}", "operationId", route->operation,
                             "tags", route->tag, "summary", route->summary, "description",
                             route->description, "parameters", parameters_json(route), "responses",
                             openapi_responses(schemas, route));
    if ((route->flags & ROUTE_TAKES_PICTURE) != 0)
        json_object_set_new(json, "requestBody", picture_body_json(schemas));
    if ((route->flags & ROUTE_TAKES_CHANGE) != 0)
        json_object_set_new(json, "requestBody",
                            json_body_json(schemas, "What to change.", "ImageChange"));
    if ((route->flags & ROUTE_TAKES_MESSAGE) != 0)
        json_object_set_new(json, "requestBody",
                            json_body_json(schemas, "A message of JSON-RPC.", "McpMessage"));
    if ((route->flags & ROUTE_TAKES_PICTURES) != 0)
        json_object_set_new(json, "requestBody", batch_body_json(schemas));
    openapi_protocol_add(schemas, json, route);
    return json;
}

static json_t *paths_json(const json_t *schemas) {
    json_t *paths = json_object();
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = &api_routes[i];
        char method[8] = "";
        for (size_t c = 0; c < sizeof method - 1 && route->method[c] != '\0'; c++)
            method[c] = (char)tolower((unsigned char)route->method[c]);
        if (json_object_get(paths, route->path) == NULL)
            json_object_set_new(paths, route->path, json_object());
        json_object_set_new(json_object_get(paths, route->path), method,
                            operation_json(schemas, route));
    }
    return paths;
}

static const char description[] =
    "Gives every picture a caption and a place in a search space. Errors are RFC 9457 problems: a "
    "sentence in `detail`, a stable word in `code`. Parameters that an address does not know are "
    "ignored. There is no authentication.";

char *openapi_document_create(const char *version, size_t *size, struct error *err) {
    json_error_t error;
    json_t *schemas =
        json_loadb(web_schemas_json, (size_t)(web_schemas_json_end - web_schemas_json),
                   JSON_REJECT_DUPLICATES, &error);
    json_t *json = json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:o, s:o, s:{s:o, s:o}}",  //
                             "openapi", "3.1.0",                                                //
                             "info", "title", "imgrouter", "version", version,                  //
                             "description", description, "license", "name", "Apache-2.0",
                             "identifier", "Apache-2.0",  //
                             "tags", tags_json(), "paths", paths_json(schemas), "components",
                             "headers", openapi_headers(), "schemas", schemas);
    char *document = json_bytes_create(json, size);
    if (document == NULL)
        error_set(err, ERROR_INTERNAL, "The OpenAPI document could not be made: out of memory.");
    json_decref(json);
    return document;
}

void openapi_get(struct http_request *request, struct http_response *response, void *context) {
    (void)request;
    const struct api *api = context;
    http_response_set_status(response, 200);
    http_response_add_header(response, "Cache-Control", "no-cache");
    http_response_set_static_body(response, "application/json", api->openapi_document,
                                  api->openapi_size);
}
