// Immich's machine learning, as far as its search goes: GET /ping and POST /predict with the task
// "clip". Immich marks a server that answers anything but 2xx as unhealthy until its next ping and
// tries the next address, so what this server cannot do is refused and never made up.
//
//   entries = {"clip": {"visual":  {"modelName": "ViT-B-32__laion2b-s34b-b79k"}}}  with `image`
//           | {"clip": {"textual": {"modelName": …, "options": {"language": …}}}}  with `text`
//   answer  = {"clip": "[0.1,…]", "imageHeight": …, "imageWidth": …}  a string, sizes of pictures
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/served_model.h"
#include "api/vector_text.h"
#include "base/memory.h"
#include "service/embedding.h"

enum { VECTOR_TEXT_MAX = EMBEDDING_WIDTH_MAX * 24, ENTRIES_SIZE_MAX = 16 * 1024 };

static const char task_name[] = "clip";

struct predict_request {
    const struct http_part *image;  // NULL: a text
    const struct http_part *text;
    json_t *entries;  // owned
};

static bool find_parts(struct predict_request *predict, struct http_request *request,
                       const struct http_part **entries, struct error *err) {
    size_t count = 0;
    struct error problem = {0};
    const struct http_part *parts = http_request_parts(request, &count, &problem);
    if (parts == NULL)  // refused, or a form without a part
        return problem.kind == ERROR_NONE || error_set(err, problem.kind, "%s", problem.text);
    for (size_t i = 0; i < count; i++) {
        const struct http_part *part = &parts[i];
        if (strcmp(part->name, "entries") == 0) *entries = part;
        if (strcmp(part->name, "image") == 0) predict->image = part;
        if (strcmp(part->name, "text") == 0) predict->text = part;
    }
    return true;
}

static bool read_entries(struct predict_request *predict, const struct http_part *part,
                         struct error *err) {
    json_error_t error;
    if (part != NULL && part->size > 0 && part->size <= ENTRIES_SIZE_MAX)
        predict->entries =
            json_loadb((const char *)part->bytes, part->size, JSON_REJECT_DUPLICATES, &error);
    return json_is_object(predict->entries) ||
           error_set(err, ERROR_INVALID,
                     "The form needs a field \"entries\" with a JSON object such as "
                     "{\"clip\": {\"visual\": {\"modelName\": \"…\"}}}.");
}

// Every task and type, since all are asked for.
static bool check_entries(const struct predict_request *predict, const struct engine_info *info,
                          struct error *err) {
    const char *wanted = predict->image != NULL ? "visual" : "textual";
    const char *task, *type;
    json_t *types, *entry;
    json_object_foreach(predict->entries, task, types) {
        if (strcmp(task, task_name) != 0)
            return error_set(err, ERROR_NOT_IMPLEMENTED,
                             "Only the task \"clip\" is answered here; leave faces and text "
                             "recognition to Immich's own machine learning.");
        json_object_foreach(types, type, entry) {
            const char *model = json_string_value(json_object_get(entry, "modelName"));
            if (strcmp(type, wanted) != 0 || model == NULL)
                return error_set(err, ERROR_INVALID,
                                 "The entries must ask for \"%s\" with a modelName, since the form "
                                 "has %s.",
                                 wanted, predict->image != NULL ? "an image" : "a text");
            if (!served_model_check(info, SERVED_EMBEDDING, model, ERROR_CONFLICT, err))
                return false;
        }
    }
    return json_object_size(json_object_get(predict->entries, task_name)) > 0 ||
           error_set(err, ERROR_INVALID, "The entries ask for nothing; ask for {\"clip\": …}.");
}

static bool read_request(struct predict_request *predict, struct http_request *request,
                         const struct engine_info *info, struct error *err) {
    const struct http_part *entries = NULL;
    if (strcmp(http_request_media_type(request), "multipart/form-data") != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "A body of this content type is not accepted; send a form "
                         "(multipart/form-data) with entries, and an image or a text.");
    if (!find_parts(predict, request, &entries, err) || !read_entries(predict, entries, err))
        return false;
    if (predict->image != NULL && predict->image->size == 0)
        return error_set(err, ERROR_INVALID, "The image is empty; send the bytes of a picture.");
    return (predict->image == NULL && predict->text == NULL) || check_entries(predict, info, err);
}

static bool embed_text(struct service *service, const struct http_part *part,
                       struct embedding_result *result, struct error *err) {
    if (part->size == 0) return service_embed_text(service, "", QUEUE_INTERACTIVE, result, err);
    if (memchr(part->bytes, '\0', part->size) != NULL)
        return error_set(err, ERROR_INVALID, "The text has a zero byte in it; send plain text.");
    char *text = memory_try(part->size + 1);
    if (text == NULL) return error_set(err, ERROR_OVERLOADED, "out of memory; try again shortly");
    memcpy(text, part->bytes, part->size);
    text[part->size] = '\0';
    bool is_done = service_embed_text(service, text, QUEUE_INTERACTIVE, result, err);
    memory_free(text);
    return is_done;
}

static bool embed(struct service *service, const struct predict_request *predict,
                  struct embedding_result *result, struct error *err) {
    if (predict->image != NULL)
        return service_embed_image(service, predict->image->bytes, predict->image->size,
                                   QUEUE_INTERACTIVE, result, err);
    if (predict->text != NULL) return embed_text(service, predict->text, result, err);
    return error_set(err, ERROR_BAD_REQUEST,
                     "The form has neither a field \"image\" nor a field \"text\"; send one.");
}

static json_t *answer_json_create(const struct embedding_result *result) {
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, VECTOR_TEXT_MAX);
    json_t *json = NULL;
    if (vector_append_json(&buffer, &result->embedding))
        json = json_pack("{s:s}", task_name, buffer.bytes);
    byte_buffer_clear(&buffer);
    if (json == NULL || result->width == 0) return json;
    json_object_set_new(json, "imageHeight", json_integer((json_int_t)result->height));
    json_object_set_new(json, "imageWidth", json_integer((json_int_t)result->width));
    return json;
}

void immich_predict_post(struct http_request *request, struct http_response *response,
                         void *context) {
    const struct api *api = context;
    struct error err = {0};
    struct predict_request predict = {.entries = NULL};
    struct embedding_result result;
    bool is_done = read_request(&predict, request, engine_info(api->engine), &err) &&
                   embed(api->service, &predict, &result, &err);
    json_decref(predict.entries);
    if (is_done)
        answer_json(response, 200, answer_json_create(&result));
    else
        http_response_set_error(response, &err);
}

void immich_ping_get(struct http_request *request, struct http_response *response, void *context) {
    static const char pong[] = "pong";
    (void)request;
    (void)context;
    http_response_set_status(response, 200);
    http_response_set_static_body(response, "text/plain; charset=utf-8", pong, sizeof pong - 1);
}
