#include "api/openapi_protocols.h"

#include <string.h>

static const struct protocol {
    const char *operation;
    const char *body_type;    // NULL: no body
    const char *body;         // a name in web/schemas.json
    const char *error;        // likewise; NULL: problems, as everywhere
    const char *stream_type;  // another form of the answer; NULL: none
} protocols[] = {
    {"createOpenAiEmbeddings", "application/json", "OpenAiEmbeddingRequest", "OpenAiError", NULL},
    {"createInfinityEmbeddings", "application/json", "OpenAiEmbeddingRequest", "OpenAiError", NULL},
    {"createOpenAiChatCompletion", "application/json", "OpenAiChatRequest", "OpenAiError",
     "text/event-stream"},
    {"getOpenAiModel", NULL, NULL, "OpenAiError", NULL},
    {"predictForImmich", "multipart/form-data", "ImmichPredictForm", NULL, NULL},
    {"vectorizeForWeaviate", "application/json", "WeaviateVectorizeRequest", "WeaviateError", NULL},
    {"captionForPhotoPrism", "application/json", "PhotoPrismCaptionRequest", "PhotoPrismError",
     NULL},
};

// What these statuses mean there.
static const struct {
    const char *status;
    const char *description;
} descriptions[] = {
    {"400", "The request is malformed, or something in it is not acceptable."},
    {"404", "This model does not answer here."},
    {"409", "Another model answers here."},
    {"501", "Another task than the search."},
};

static json_t *media_json(const char *schema) {
    return json_pack("{s:{s:o}}", "schema", "$ref",
                     json_sprintf("#/components/schemas/%s", schema));
}

static void describe_errors(json_t *responses, const struct protocol *protocol) {
    const char *status;
    json_t *response;
    for (size_t i = 0; i < sizeof descriptions / sizeof *descriptions; i++)
        json_object_set_new(json_object_get(responses, descriptions[i].status), "description",
                            json_string(descriptions[i].description));
    // What is refused before its turn, too large or too much at once, is a problem all the same.
    json_object_foreach(responses, status, response) {
        if (strcmp(status, "400") >= 0 && protocol->error != NULL)
            json_object_set_new(json_object_get(response, "content"), "application/json",
                                media_json(protocol->error));
    }
}

void openapi_protocol_add(json_t *operation, const struct api_route *route) {
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        const struct protocol *protocol = &protocols[i];
        json_t *responses = json_object_get(operation, "responses");
        if (strcmp(protocol->operation, route->operation) != 0) continue;
        if (protocol->body_type != NULL)
            json_object_set_new(operation, "requestBody",
                                json_pack("{s:b, s:{s:o}}", "required", 1, "content",
                                          protocol->body_type, media_json(protocol->body)));
        if (protocol->stream_type != NULL)
            json_object_set_new(json_object_get(json_object_get(responses, "200"), "content"),
                                protocol->stream_type,
                                json_pack("{s:{s:s}}", "schema", "type", "string"));
        describe_errors(responses, protocol);
    }
}
