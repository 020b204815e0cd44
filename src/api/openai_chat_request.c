#include "api/openai_chat_request.h"

#include <string.h>

#include "api/json_body.h"
#include "api/parameter.h"
#include "api/served_model.h"

static const char json_example[] =
    "{\"model\": \"…\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": "
    "\"image_url\", \"image_url\": {\"url\": \"data:image/jpeg;base64,…\"}}]}]}";

static bool is_absent(const json_t *value) { return value == NULL || json_is_null(value); }

static bool refuse(struct chat_request *chat, struct problem *problem, const char *param,
                   const char *text) {
    chat->param = param;
    return error_set(&problem->error, ERROR_BAD_REQUEST, "%s", text);
}

// {"type": "image_url", "image_url": {"url": "…"}}; some clients send the address itself.
static bool take_picture(struct chat_request *chat, const json_t *part, struct problem *problem) {
    const json_t *place = json_object_get(part, "image_url");
    const json_t *url = json_is_object(place) ? json_object_get(place, "url") : place;
    if (!json_is_string(url))
        return refuse(chat, problem, "messages",
                      "a part of the type image_url must have the address or the data URI of a "
                      "picture in image_url.url");
    if (chat->picture != NULL)
        return refuse(chat, problem, "messages",
                      "there is more than one picture in the messages; send one a request");
    chat->picture = json_string_value(url);
    chat->picture_length = json_string_length(url);
    return true;
}

static bool read_message(struct chat_request *chat, const json_t *message,
                         struct problem *problem) {
    const json_t *content = json_object_get(message, "content");
    const json_t *part;
    size_t i;
    if (!json_is_object(message))
        return refuse(chat, problem, "messages", "messages must be a list of objects");
    if (!is_absent(content) && !json_is_string(content) && !json_is_array(content))
        return refuse(chat, problem, "messages",
                      "the content of a message must be a string or a list of parts");
    json_array_foreach((json_t *)content, i, part) {
        const char *type = json_string_value(json_object_get(part, "type"));
        if (type == NULL)
            return refuse(chat, problem, "messages",
                          "the parts of a message must be objects with a type");
        if (strcmp(type, "image_url") == 0 && !take_picture(chat, part, problem)) return false;
    }
    return true;
}

static bool read_messages(struct chat_request *chat, struct problem *problem) {
    const json_t *messages = json_object_get(chat->json, "messages");
    const json_t *message;
    size_t i;
    if (!json_is_array(messages))
        return refuse(chat, problem, "messages", "messages must be a list");
    json_array_foreach((json_t *)messages, i, message) {
        if (!read_message(chat, message, problem)) return false;
    }
    return chat->picture != NULL ||
           refuse(chat, problem, "messages",
                  "there is no picture in the messages; this server captions pictures and does not "
                  "talk: send one in a part of the type image_url");
}

static bool read_model(struct chat_request *chat, const struct engine_info *info,
                       struct problem *problem) {
    const json_t *model = json_object_get(chat->json, "model");
    if (is_absent(model)) return true;  // there is only one
    if (!json_is_string(model)) return refuse(chat, problem, "model", "model must be a string");
    if (served_model_check(info, SERVED_CAPTION, json_string_value(model), ERROR_NOT_FOUND,
                           &problem->error))
        return true;
    chat->param = "model";
    chat->code = "model_not_found";
    return false;
}

static bool is_text_format(const json_t *format) {
    const char *type = json_string_value(json_object_get(format, "type"));
    return is_absent(format) || (type != NULL && strcmp(type, "text") == 0);
}

// What would have to be heeded and cannot be. Members that only steer how words are chosen are
// ignored.
static bool read_options(struct chat_request *chat, struct problem *problem) {
    const json_t *count = json_object_get(chat->json, "n");
    const json_t *quality = json_object_get(chat->json, parameter_quality.name);
    if (!is_absent(count) && !(json_is_integer(count) && json_integer_value(count) == 1))
        return refuse(chat, problem, "n", "a picture has one caption here; leave n out");
    if (!is_text_format(json_object_get(chat->json, "response_format")))
        return refuse(chat, problem, "response_format",
                      "the caption comes as plain text; leave response_format out");
    const json_t *stream = json_object_get(chat->json, "stream");
    if (!is_absent(stream) && !json_is_boolean(stream))
        return refuse(chat, problem, "stream", "stream must be true or false");
    chat->is_stream = json_is_true(stream);
    chat->wants_usage = json_is_true(
        json_object_get(json_object_get(chat->json, "stream_options"), "include_usage"));
    if (quality == NULL) return true;
    chat->param = parameter_quality.name;
    const char *value = json_is_string(quality) ? json_string_value(quality) : "";
    return parameter_read_quality("body", value, strlen(value), &chat->quality, problem);
}

bool chat_request_read(struct chat_request *chat, const struct http_request *request,
                       const struct engine_info *info, struct problem *problem) {
    *chat = (struct chat_request){.quality = QUALITY_AUTO};
    chat->json = json_body_read_long(request, json_example, problem);
    if (chat->json == NULL) return false;
    if (!json_is_object(chat->json))
        return refuse(chat, problem, NULL, "the body must be a JSON object with messages");
    return read_model(chat, info, problem) && read_options(chat, problem) &&
           read_messages(chat, problem);
}

void chat_request_clear(struct chat_request *chat) {
    json_decref(chat->json);
    *chat = (struct chat_request){.json = NULL};
}
