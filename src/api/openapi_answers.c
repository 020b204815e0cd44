#include "api/openapi_answers.h"

#include <stdio.h>
#include <string.h>

#include "observe/metrics.h"

// Of our own table: what each status of a problem means, whichever endpoint answers it.
static const struct {
    int status;
    const char *description;
} error_descriptions[] = {
    {400, "The address or the body is malformed: broken percent-encoding, form or JSON."},
    {403, "The request comes from a page of another site."},
    {404, "There is no such image, job, model or file."},
    {406, "The Accept header does not take what is answered."},
    {409, "It contradicts what is there now."},
    {413, "The picture or the body is over a limit."},
    {415, "Not a picture, or a format that this build cannot read."},
    {422, "A parameter or field is missing or not acceptable, or the picture cannot be decoded."},
    {500, "A fault of the server."},
    {501, "This is not done here."},
    {502, "The server at the given url answered wrongly."},
    {503, "Too much is waiting, or a part is not there now; come back after Retry-After seconds."},
    {504, "The server at the given url did not answer in time."},
    {507, "The disk is full or failing."},
};

// Headers of answers; `name` is also the name of the component.
static const struct {
    const char *name;
    const char *type;  // of its schema
    bool is_always_there;
    const char *description;
} headers[] = {
    {"X-Request-Id", "string", true,
     "The name of this request in the server's log: the client's own X-Request-Id where it sent a "
     "usable one, else a drawn one."},
    {"Retry-After", "integer", true, "Seconds to wait before asking again."},
    {"ETag", "string", true, "Changes when the bytes do; send it back in If-None-Match."},
    {"Location", "string", true, "Where to go on."},
    {"Content-Disposition", "string", false, "The name of the file, where the image has one."},
    {"Accept-Post", "string", false,
     "The content types of bodies that this address takes, where the one sent is not among them."},
};

// Operations that answer in another form than the table of routes says, where that is asked for.
static const struct {
    const char *operation;
    const char *media_type;
    const char *schema;
} other_forms[] = {
    {"getMetrics", METRICS_OPENMETRICS_TYPE, "OpenMetricsText"},
    {"getMetricsSummary", "text/plain; charset=utf-8", "SummaryText"},
    {"createOpenAiChatCompletion", "text/event-stream", "OpenAiChatStream"},
};

static const char *error_description(int status) {
    for (size_t i = 0; i < sizeof error_descriptions / sizeof *error_descriptions; i++) {
        if (error_descriptions[i].status == status) return error_descriptions[i].description;
    }
    return "An error.";
}

json_t *openapi_headers(void) {
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        json_object_set_new(
            all, headers[i].name,
            json_pack("{s:s, s:b, s:{s:s}}", "description", headers[i].description, "required",
                      headers[i].is_always_there, "schema", "type", headers[i].type));
    return all;
}

static void add_header(json_t *answer, const char *name) {
    json_t *all = json_object_get(answer, "headers");
    if (all == NULL) {
        all = json_object();
        json_object_set_new(answer, "headers", all);
    }
    json_object_set_new(all, name,
                        json_pack("{s:o}", "$ref", json_sprintf("#/components/headers/%s", name)));
}

json_t *openapi_schema_reference(const char *name) {
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

static json_t *media_type_json(const char *schema, json_t *example) {
    return json_pack("{s:o, s:O*}", "schema", openapi_schema_reference(schema), "example", example);
}

static json_t *examples_of(const json_t *schemas, const char *name) {
    return json_object_get(json_object_get(schemas, name), "examples");
}

json_t *openapi_media_type(const json_t *schemas, const char *name) {
    return media_type_json(name, json_array_get(examples_of(schemas, name), 0));
}

static bool has_parameter(const struct api_route *route, const char *name) {
    for (size_t i = 0; i < ROUTE_PARAMETERS_MAX && route->parameters[i] != NULL; i++) {
        if (strcmp(route->parameters[i]->name, name) == 0) return true;
    }
    return false;
}

// Whether the route can blame the field, or the part of the server, that the example blames.
static bool example_fits(const json_t *example, const struct api_route *route) {
    if (json_object_get(example, "failing") != NULL) return strcmp(route->path, "/readyz") == 0;
    const json_t *place =
        json_object_get(json_array_get(json_object_get(example, "errors"), 0), "loc");
    const char *where = json_string_value(json_array_get(place, 0));
    const char *field = json_string_value(json_array_get(place, 1));
    if (where == NULL || field == NULL) return true;
    if (strcmp(where, "query") == 0) return has_parameter(route, field);
    bool is_of_change = strcmp(field, "caption") == 0;
    return (route->flags &
            (is_of_change ? ROUTE_TAKES_CHANGE : ROUTE_TAKES_PICTURE | ROUTE_TAKES_PICTURES)) != 0;
}

// The first example of this status that the route can answer; of jobs and images each has its own.
static json_t *problem_example(const json_t *schemas, const char *schema,
                               const struct api_route *route, int status) {
    size_t i;
    json_t *example, *other = NULL;
    bool is_of_jobs = strcmp(route->tag, "jobs") == 0;
    json_array_foreach(examples_of(schemas, schema), i, example) {
        const char *detail = json_string_value(json_object_get(example, "detail"));
        if (json_integer_value(json_object_get(example, "status")) != status || detail == NULL ||
            !example_fits(example, route))
            continue;
        bool tells_of_job = strstr(detail, "job ") != NULL;
        if (tells_of_job == is_of_jobs) return example;
        if (!tells_of_job && other == NULL) other = example;
    }
    return other;
}

static json_t *problem_json(const json_t *schemas, const struct api_route *route, int status) {
    // Other programs' protocols do not tell which field is to blame.
    bool tells_field = status == 422 && (route->flags & ROUTE_TAKES_FOREIGN) == 0;
    const char *schema = tells_field ? "FieldProblem" : "Problem";
    json_t *json =
        json_pack("{s:s, s:{s:o}}", "description", error_description(status), "content",
                  "application/problem+json",
                  media_type_json(schema, problem_example(schemas, schema, route, status)));
    add_header(json, "X-Request-Id");
    if (status == 503) add_header(json, "Retry-After");
    if (status == 415) add_header(json, "Accept-Post");
    return json;
}

static void add_form(const json_t *schemas, json_t *content, const char *media_type,
                     const char *schema) {
    json_object_set_new(content, media_type,
                        schema != NULL ? openapi_media_type(schemas, schema) : json_object());
}

static json_t *good_answer_json(const json_t *schemas, const struct api_route *route) {
    const struct api_answer *answer = &route->answer;
    json_t *json = json_pack("{s:s}", "description", answer->description);
    add_header(json, "X-Request-Id");
    if ((route->flags & ROUTE_HAS_ENTITY_TAG) != 0) add_header(json, "ETag");
    if (answer->status == 302) add_header(json, "Location");
    if (strcmp(route->operation, "getImageContent") == 0) add_header(json, "Content-Disposition");
    if (answer->media_type == NULL) return json;
    json_t *content = json_object();
    add_form(schemas, content, answer->media_type, answer->schema);
    for (size_t i = 0; i < sizeof other_forms / sizeof *other_forms; i++) {
        if (strcmp(other_forms[i].operation, route->operation) == 0)
            add_form(schemas, content, other_forms[i].media_type, other_forms[i].schema);
    }
    json_object_set_new(json, "content", content);
    return json;
}

static json_t *unchanged_json(void) {
    json_t *json =
        json_pack("{s:s}", "description", "The ETag in If-None-Match is still the right one.");
    add_header(json, "X-Request-Id");
    add_header(json, "ETag");
    return json;
}

static json_t *later_json(const json_t *schemas) {
    json_t *json = json_pack("{s:s, s:{s:o}}", "description",
                             "With `async=true`: accepted, and safely on disk.", "content",
                             "application/json", openapi_media_type(schemas, "Job"));
    add_header(json, "X-Request-Id");
    add_header(json, "Location");
    return json;
}

static void add_response(json_t *responses, int status, json_t *response) {
    char name[8];
    (void)snprintf(name, sizeof name, "%d", status);
    json_object_set_new(responses, name, response);
}

// What a message is answered beside the usual.
static void add_message_responses(const json_t *schemas, json_t *responses) {
    json_t *taken =
        json_pack("{s:s}", "description", "A notification was taken; it has no answer.");
    json_t *unknown = json_pack("{s:s, s:{s:o}}", "description",
                                "There is no such method, in revision 2026-07-28.", "content",
                                "application/json", openapi_media_type(schemas, "McpAnswer"));
    json_object_set_new(json_object_get(json_object_get(responses, "400"), "content"),
                        "application/json", openapi_media_type(schemas, "McpAnswer"));
    add_header(taken, "X-Request-Id");
    add_header(unknown, "X-Request-Id");
    add_response(responses, 202, taken);
    add_response(responses, 404, unknown);
}

json_t *openapi_responses(const json_t *schemas, const struct api_route *route) {
    json_t *responses = json_object();
    add_response(responses, route->answer.status, good_answer_json(schemas, route));
    if ((route->flags & ROUTE_MAY_BE_LATER) != 0) add_response(responses, 202, later_json(schemas));
    if ((route->flags & ROUTE_HAS_ENTITY_TAG) != 0) add_response(responses, 304, unchanged_json());
    // The HTTP room refuses a malformed address before any route is asked.
    add_response(responses, 400, problem_json(schemas, route, 400));
    if ((route->flags & ROUTE_TAKES_MESSAGE) != 0) add_message_responses(schemas, responses);
    for (size_t i = 0; i < ROUTE_ERRORS_MAX && route->errors[i] != 0; i++)
        add_response(responses, route->errors[i], problem_json(schemas, route, route->errors[i]));
    return responses;
}
