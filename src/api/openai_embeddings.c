// POST /v1/embeddings of OpenAI's API, and POST /embeddings, where Infinity has it: the vectors of
// texts and, as Infinity takes them, of pictures.
#include <string.h>

#include "api/api.h"
#include "api/data_uri.h"
#include "api/embedding_batch.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "api/openai_error.h"
#include "api/served_model.h"
#include "api/vector_text.h"
#include "base/memory.h"

enum { ANSWER_SIZE_MAX = 64 * 1024 * 1024 };  // 2048 vectors of 1024 floats take half of it

static const char json_example[] = "{\"model\": \"…\", \"input\": [\"a red car\"]}";

struct embeddings_request {
    json_t *json;
    struct embedding_batch batch;
    bool is_base64;
    struct problem problem;
    const char *param;  // the member that is wrong
    const char *code;
};

static bool refuse(struct embeddings_request *embeddings, const char *param, const char *text) {
    embeddings->param = param;
    return error_set(&embeddings->problem.error, ERROR_BAD_REQUEST, "%s", text);
}

static bool read_model(struct embeddings_request *embeddings, const struct engine_info *info) {
    const json_t *model = json_object_get(embeddings->json, "model");
    if (model == NULL || json_is_null(model)) return true;  // there is only one
    if (!json_is_string(model)) return refuse(embeddings, "model", "model must be a string");
    if (served_model_check(info, SERVED_EMBEDDING, json_string_value(model), ERROR_NOT_FOUND,
                           &embeddings->problem.error))
        return true;
    embeddings->param = "model";
    embeddings->code = "model_not_found";
    return false;
}

static bool read_format(struct embeddings_request *embeddings, const struct engine_info *info) {
    const json_t *format = json_object_get(embeddings->json, "encoding_format");
    const json_t *dimensions = json_object_get(embeddings->json, "dimensions");
    const char *text = json_is_string(format) ? json_string_value(format) : "";
    embeddings->is_base64 = strcmp(text, "base64") == 0;
    if (format != NULL && !json_is_null(format) && !embeddings->is_base64 &&
        strcmp(text, "float") != 0)
        return refuse(embeddings, "encoding_format", "encoding_format must be float or base64");
    if (dimensions == NULL || json_is_null(dimensions)) return true;
    json_int_t wanted = json_is_integer(dimensions) ? json_integer_value(dimensions) : -1;
    if (wanted == 0 || wanted == (json_int_t)info->embedding_width) return true;  // 0: Infinity's
    embeddings->param = "dimensions";
    return error_set(
        &embeddings->problem.error, ERROR_BAD_REQUEST,
        "the vectors have %zu dimensions and cannot be shortened; leave dimensions out",
        info->embedding_width);
}

// Without a modality, what is written as a picture's data URI is a picture.
static enum embedding_kind kind_of(const json_t *input, const char *modality) {
    static const char picture[] = "data:image/";
    if (modality != NULL)
        return strcmp(modality, "image") == 0 ? EMBEDDING_OF_ADDRESS : EMBEDDING_OF_TEXT;
    return json_is_string(input) &&
                   strncmp(json_string_value(input), picture, sizeof picture - 1) == 0
               ? EMBEDDING_OF_ADDRESS
               : EMBEDDING_OF_TEXT;
}

static bool read_inputs(struct embeddings_request *embeddings) {
    const json_t *given = json_object_get(embeddings->json, "modality");
    const json_t *input = json_object_get(embeddings->json, "input");
    const char *modality = json_string_value(given);
    struct error *err = &embeddings->problem.error;
    if (given != NULL && !json_is_null(given) &&
        (modality == NULL || (strcmp(modality, "text") != 0 && strcmp(modality, "image") != 0)))
        return refuse(embeddings, "modality", "modality must be text or image");
    embeddings->param = "input";
    if (json_is_string(input))
        return embedding_batch_init(&embeddings->batch, 1, err) &&
               embedding_batch_add(&embeddings->batch, kind_of(input, modality), input, err);
    if (!json_is_array(input))
        return refuse(embeddings, "input", "input must be a string or a list of strings");
    if (!embedding_batch_init(&embeddings->batch, json_array_size(input), err)) return false;
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)input, i,
                       item) if (!embedding_batch_add(&embeddings->batch, kind_of(item, modality),
                                                      item, err)) return false;
    return true;
}

static bool read_request(struct embeddings_request *embeddings, struct http_request *request,
                         const struct engine_info *info) {
    embeddings->json = json_body_read_long(request, json_example, &embeddings->problem);
    if (embeddings->json == NULL) return false;
    if (!json_is_object(embeddings->json))
        return refuse(embeddings, NULL, "the body must be a JSON object with an input");
    return read_model(embeddings, info) && read_format(embeddings, info) && read_inputs(embeddings);
}

static void append_vector(struct byte_buffer *buffer, const struct embedding *embedding,
                          bool is_base64) {
    if (!is_base64) {
        vector_append_json(buffer, embedding);
        return;
    }
    byte_buffer_append_text(buffer, "\"");
    vector_append_base64(buffer, embedding);
    byte_buffer_append_text(buffer, "\"");
}

// The data are written by hand: as one JSON value they would take ten times the memory.
static bool append_answer(struct byte_buffer *buffer, const struct embedding_batch *batch,
                          bool is_base64, const char *model) {
    json_int_t tokens = 0;
    size_t size = 0;
    byte_buffer_append_text(buffer, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < batch->count; i++) {
        const struct embedding_item *item = &batch->items[i];
        byte_buffer_append_format(
            buffer, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i == 0 ? "" : ",",
            i);
        append_vector(buffer, &item->embedding, is_base64);
        byte_buffer_append_text(buffer, "}");
        tokens += (json_int_t)item->text_tokens;
    }
    json_t *rest = json_pack("{s:o, s:{s:I, s:I}}", "model", json_text(model), "usage",
                             "prompt_tokens", tokens, "total_tokens", tokens);
    char *members = json_bytes_create(rest, &size);
    json_decref(rest);
    byte_buffer_append_text(buffer, "],");
    bool is_done = members != NULL && byte_buffer_append(buffer, members + 1, size - 1);
    memory_free(members);
    return is_done;
}

static bool answer(struct http_response *response, const struct embeddings_request *embeddings,
                   const struct engine_info *info, struct error *err) {
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ANSWER_SIZE_MAX);
    if (!append_answer(&buffer, &embeddings->batch, embeddings->is_base64,
                       served_model_name(info, SERVED_EMBEDDING)))
        buffer.has_failed = true;
    return answer_buffer(response, "application/json", &buffer, err);
}

void openai_embeddings_post(struct http_request *request, struct http_response *response,
                            void *context) {
    struct api *api = context;
    const struct engine_info *info = engine_info(api->engine);
    struct embeddings_request embeddings = {.json = NULL};
    struct error *err = &embeddings.problem.error;
    if (!read_request(&embeddings, request, info) ||
        !embedding_batch_run(&embeddings.batch, api, err) ||
        !answer(response, &embeddings, info, err))
        openai_error_answer(&embeddings.problem, embeddings.param, embeddings.code, response);
    embedding_batch_clear(&embeddings.batch);
    json_decref(embeddings.json);
}
