// GET /openapi.json. Paths come from routes.c, schemas with their examples from web/schemas.json.
#include "api/openapi.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/openapi_protocols.h"
#include "api/routes.h"
#include "api/web_asset.h"

// Of our own table: what each status of a problem means, whichever endpoint answers it.
static const struct {
    int status;
    const char *description;
} error_descriptions[] = {
    {400, "The body is malformed: broken form or broken JSON."},
    {404, "There is no such image."},
    {413, "The picture or the body is over a limit."},
    {415, "Not a picture, or a format that this build cannot read."},
    {422, "A parameter or field is missing or not acceptable, or the picture cannot be decoded."},
    {500, "A fault of the server."},
    {502, "The server at the given url answered wrongly."},
    {503, "Too much is waiting, or a part is not there now; come back after Retry-After seconds."},
    {504, "The server at the given url did not answer in time."},
    {507, "The disk is full or failing."},
};

static const char *error_description(int status) {
    for (size_t i = 0; i < sizeof error_descriptions / sizeof *error_descriptions; i++) {
        if (error_descriptions[i].status == status) return error_descriptions[i].description;
    }
    return "An error.";
}

static json_t *schema_reference(const char *name) {
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

static json_t *parameter_schema_json(const struct api_parameter *parameter) {
    if (parameter->type == PARAMETER_INTEGER) {
        return json_pack("{s:s, s:I, s:I, s:I}", "type", "integer", "minimum",
                         (json_int_t)parameter->minimum, "maximum", (json_int_t)parameter->maximum,
                         "default", (json_int_t)parameter->fallback);
    }
    json_t *schema = json_pack("{s:s}", "type", "string");
    if (parameter->choices != NULL) {
        json_t *choices = json_array();
        for (const char *const *choice = parameter->choices; *choice != NULL; choice++)
            json_array_append_new(choices, json_string(*choice));
        json_object_set_new(schema, "enum", choices);
    }
    return schema;
}

static json_t *parameters_json(const struct api_route *route) {
    json_t *parameters = json_array();
    for (size_t i = 0; i < ROUTE_PARAMETERS_MAX && route->parameters[i] != NULL; i++) {
        const struct api_parameter *parameter = route->parameters[i];
        bool is_path = parameter->place == PARAMETER_PATH;
        json_t *json =
            json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", parameter->name, "in",
                      is_path ? "path" : "query", "required", is_path, "description",
                      parameter->description, "schema", parameter_schema_json(parameter));
        if (parameter->example != NULL)
            json_object_set_new(json, "example", json_string(parameter->example));
        json_array_append_new(parameters, json);
    }
    return parameters;
}

// The three body forms of picture_body.c.
static json_t *picture_body_json(void) {
    static const char text[] =
        "A form with the picture in `file`, an address to fetch, or the picture itself.";
    return json_pack("{s:s, s:b, s:{s:{s:o}, s:{s:o}, s:{s:{}}, s:{s:{}}}}",            //
                     "description", text,                                               //
                     "required", 1,                                                     //
                     "content",                                                         //
                     "multipart/form-data", "schema", schema_reference("PictureForm"),  //
                     "application/json", "schema", schema_reference("PictureAddress"),  //
                     "image/*", "schema",                                               //
                     "application/octet-stream", "schema");
}

// The two body forms of batch_body.c.
static json_t *batch_body_json(void) {
    return json_pack("{s:s, s:b, s:{s:{s:o}, s:{s:o}}}",                                 //
                     "description", "A form with the pictures, or addresses to fetch.",  //
                     "required", 1,                                                      //
                     "content",                                                          //
                     "multipart/form-data", "schema", schema_reference("BatchForm"),     //
                     "application/json", "schema", schema_reference("BatchAddresses"));
}

static json_t *answer_json_schema(const struct api_answer *answer) {
    json_t *json = json_pack("{s:s}", "description", answer->description);
    if (answer->media_type == NULL) return json;
    json_t *schema = answer->schema != NULL ? schema_reference(answer->schema)
                     : strncmp(answer->media_type, "text/", 5) == 0
                         ? json_pack("{s:s}", "type", "string")
                         : json_object();
    json_object_set_new(json, "content",
                        json_pack("{s:{s:o}}", answer->media_type, "schema", schema));
    return json;
}

static json_t *problem_json(int status) {
    json_t *json = json_pack("{s:s, s:{s:{s:o}}}", "description", error_description(status),
                             "content", "application/problem+json", "schema",
                             schema_reference(status == 422 ? "FieldProblem" : "Problem"));
    if (status == 503) {
        json_object_set_new(
            json, "headers",
            json_pack("{s:{s:s, s:{s:s, s:i}}}", "Retry-After", "description", "Seconds to wait.",
                      "schema", "type", "integer", "minimum", 0));
    }
    return json;
}

static json_t *responses_json(const struct api_route *route) {
    json_t *responses = json_object();
    char status[8];
    (void)snprintf(status, sizeof status, "%d", route->answer.status);
    json_object_set_new(responses, status, answer_json_schema(&route->answer));
    if ((route->flags & ROUTE_HAS_ENTITY_TAG) != 0) {
        json_object_set_new(
            responses, "304",
            json_pack("{s:s}", "description", "The ETag in If-None-Match is still the right one."));
    }
    for (size_t i = 0; i < ROUTE_ERRORS_MAX && route->errors[i] != 0; i++) {
        (void)snprintf(status, sizeof status, "%d", route->errors[i]);
        json_object_set_new(responses, status, problem_json(route->errors[i]));
    }
    return responses;
}

static json_t *operation_json(const struct api_route *route) {
    json_t *json =
        json_pack("{s:s, s:[s], s:s, s:s, s:o, s:o}", "operationId", route->operation, "tags",
                  route->tag, "summary", route->summary, "description", route->description,
                  "parameters", parameters_json(route), "responses", responses_json(route));
    if ((route->flags & ROUTE_TAKES_PICTURE) != 0)
        json_object_set_new(json, "requestBody", picture_body_json());
    if ((route->flags & ROUTE_TAKES_CHANGE) != 0)
        json_object_set_new(
            json, "requestBody",
            json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema",
                      schema_reference("ImageChange")));
    if ((route->flags & ROUTE_TAKES_PICTURES) != 0)
        json_object_set_new(json, "requestBody", batch_body_json());
    openapi_protocol_add(json, route);
    return json;
}

static json_t *paths_json(void) {
    json_t *paths = json_object();
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = &api_routes[i];
        char method[8] = "";
        for (size_t c = 0; c < sizeof method - 1 && route->method[c] != '\0'; c++)
            method[c] = (char)tolower((unsigned char)route->method[c]);
        if (json_object_get(paths, route->path) == NULL)
            json_object_set_new(paths, route->path, json_object());
        json_object_set_new(json_object_get(paths, route->path), method, operation_json(route));
    }
    return paths;
}

char *openapi_document_create(const char *version, size_t *size, struct error *err) {
    json_error_t error;
    json_t *schemas =
        json_loadb(web_schemas_json, (size_t)(web_schemas_json_end - web_schemas_json),
                   JSON_REJECT_DUPLICATES, &error);
    json_t *json = json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}},"
        " s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}, {s:s, s:s}, {s:s, s:s}],"
        " s:o, s:{s:o}}",                                                                    //
        "openapi", "3.1.0",                                                                  //
        "info", "title", "imgrouter", "version", version,                                    //
        "description", "Gives every picture a caption and a place in a search space.",       //
        "license", "name", "Apache-2.0", "identifier", "Apache-2.0",                         //
        "tags", "name", "images", "description", "Upload, read and delete images.",          //
        "name", "search", "description", "Find images.",                                     //
        "name", "protocols", "description", "What other programs speak already.",            //
        "name", "operation", "description", "Health and metrics.",                           //
        "name", "documents", "description", "This description and the page that shows it.",  //
        "paths", paths_json(), "components", "schemas", schemas);
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
