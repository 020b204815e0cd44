#include "api/openapi_protocols.h"

#include <string.h>

#include "api/openapi_answers.h"

static const struct protocol {
    const char *operation;
    const char *body_type;  // NULL: no body
    const char *body;       // a name in web/schemas.json
    const char *error;      // likewise; NULL: problems, as everywhere
} protocols[] = {
    {"createOpenAiEmbeddings", "application/json", "OpenAiEmbeddingRequest", "OpenAiError"},
    {"createInfinityEmbeddings", "application/json", "OpenAiEmbeddingRequest", "OpenAiError"},
    {"createOpenAiChatCompletion", "application/json", "OpenAiChatRequest", "OpenAiError"},
    {"getOpenAiModel", NULL, NULL, "OpenAiError"},
    {"predictForImmich", "multipart/form-data", "ImmichPredictForm", NULL},
    {"vectorizeForWeaviate", "application/json", "WeaviateVectorizeRequest", "WeaviateError"},
    {"captionForPhotoPrism", "application/json", "PhotoPrismCaptionRequest", "PhotoPrismError"},
};

// What these statuses mean there.
static const struct {
    const char *status;
    const char *description;
} descriptions[] = {
    {"400", "The request is malformed, or something in it is not acceptable."},
    {"404", "This model does not answer here."},
    {"409", "Another model answers here."},
};

static void describe_errors(const json_t *schemas, json_t *responses,
                            const struct protocol *protocol) {
    const char *status;
    json_t *response;
    for (size_t i = 0; i < sizeof descriptions / sizeof *descriptions; i++) {
        response = json_object_get(responses, descriptions[i].status);
        json_object_set_new(response, "description", json_string(descriptions[i].description));
    }
    // What is refused before its turn, too large or too much at once, is a problem all the same.
    json_object_foreach(responses, status, response) {
        if (strcmp(status, "400") >= 0 && protocol->error != NULL)
            json_object_set_new(json_object_get(response, "content"), "application/json",
                                openapi_media_type(schemas, protocol->error));
    }
}

void openapi_protocol_add(const json_t *schemas, json_t *operation, const struct api_route *route) {
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        const struct protocol *protocol = &protocols[i];
        if (strcmp(protocol->operation, route->operation) != 0) continue;
        if (protocol->body_type != NULL)
            json_object_set_new(
                operation, "requestBody",
                json_pack("{s:b, s:{s:o}}", "required", 1, "content", protocol->body_type,
                          openapi_media_type(schemas, protocol->body)));
        describe_errors(schemas, json_object_get(operation, "responses"), protocol);
    }
}
