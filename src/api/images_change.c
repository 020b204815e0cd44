// PATCH /images/{id} and GET /images/{id}/duplicates.
#include <string.h>

#include "api/api.h"
#include "api/duplicates_json.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "store/tags.h"

enum { SCORE_DECIMALS = 6 };

static const char example[] = "{\"caption\": \"a dog\", \"tags\": [\"holiday\"]}";

json_t *duplicates_json_create(const struct duplicates *duplicates, const char *same_bytes) {
    json_t *bytes = json_array(), *pictures = json_array(), *meanings = json_array();
    if (same_bytes != NULL) json_array_append_new(bytes, json_string(same_bytes));
    for (size_t i = 0; i < duplicates->same_picture_count; i++)
        json_array_append_new(
            pictures, json_pack("{s:s, s:i}", "id", duplicates->same_picture[i].id, "distance",
                                (int)duplicates->same_picture[i].distance));
    for (size_t i = 0; i < duplicates->same_meaning_count; i++)
        json_array_append_new(
            meanings,
            json_pack("{s:s, s:o}", "id", duplicates->same_meaning[i].id, "score",
                      json_rounded((double)duplicates->same_meaning[i].score, SCORE_DECIMALS)));
    return json_pack("{s:o, s:o, s:o}", "same_bytes", bytes, "same_picture", pictures,
                     "same_meaning", meanings);
}

void image_duplicates(struct http_request *request, struct http_response *response, void *context) {
    const struct api *api = context;
    struct problem problem = {0};
    struct image_record record;
    struct duplicates duplicates;
    const char *id = image_id_read(request, &problem);
    if (id != NULL && service_get_image(api->service, id, &record, &problem.error) &&
        service_find_duplicates(api->service, &record, &duplicates, &problem.error))
        answer_json(response, 200,
                    json_pack("{s:s, s:o}", "id", record.id, "duplicates",
                              duplicates_json_create(&duplicates, NULL)));
    else
        problem_answer(&problem, response);
}

static bool caption_read(const json_t *value, char caption[static STORE_CAPTION_SIZE],
                         struct problem *problem) {
    if (!json_is_string(value))
        return problem_set_field(problem, "body", "caption", "string_type",
                                 "Input should be a valid string",
                                 "The member \"caption\" must be a string.");
    size_t size = json_string_length(value);
    const char *text = json_string_value(value);
    if (size >= STORE_CAPTION_SIZE)
        return problem_set_field(
            problem, "body", "caption", "string_too_long", "The caption is too long",
            "The caption is longer than %d bytes; give a shorter one.", STORE_CAPTION_SIZE - 1);
    if (strlen(text) != size || text[strspn(text, " \t\r\n")] == '\0')
        return problem_set_field(problem, "body", "caption", "string_too_short",
                                 "The caption is empty",
                                 "The caption is empty or has a zero byte in it; give some text.");
    memcpy(caption, text, size + 1);
    return true;
}

static bool tags_read(const json_t *value, char tags[static STORE_TAGS_SIZE],
                      struct problem *problem) {
    struct error err = {0};
    tags[0] = '\0';
    bool is_read = json_is_array(value);
    for (size_t i = 0; is_read && i < json_array_size(value); i++) {
        const json_t *tag = json_array_get(value, i);
        is_read = json_is_string(tag) &&
                  strlen(json_string_value(tag)) == json_string_length(tag) &&
                  tags_add(tags, json_string_value(tag), &err);
    }
    if (is_read) return true;
    if (err.kind != ERROR_NONE)
        return problem_set_field(problem, "body", "tags", "value_error", "Not a tag",
                                 "The member \"tags\" is not acceptable: %s.", err.text);
    return problem_set_field(problem, "body", "tags", "list_type",
                             "Input should be a list of texts",
                             "The member \"tags\" must be a list of strings, such as "
                             "[\"holiday\", \"beach\"].");
}

struct change_body {
    char caption[STORE_CAPTION_SIZE];
    char tags[STORE_TAGS_SIZE];
    struct image_change change;  // of the two above
};

static bool members_read(const json_t *json, struct change_body *body, struct problem *problem) {
    const char *key;
    json_t *value;
    if (!json_is_object(json) || json_object_size(json) == 0)
        return problem_set_field(problem, "body", "caption", "missing", "Nothing to change",
                                 "Say what to change, in an object such as %s.", example);
    json_object_foreach((json_t *)json, key, value) {
        if (strcmp(key, "caption") == 0) {
            if (!caption_read(value, body->caption, problem)) return false;
            body->change.caption = body->caption;
        } else if (strcmp(key, "tags") == 0) {
            if (!tags_read(value, body->tags, problem)) return false;
            body->change.tags = body->tags;
        } else {
            return problem_set_field(problem, "body", "caption", "extra_forbidden",
                                     "Extra inputs are not permitted",
                                     "Only \"caption\" and \"tags\" of an image can be changed.");
        }
    }
    return true;
}

static bool body_read(struct http_request *request, struct change_body *body,
                      struct problem *problem) {
    const char *media_type = http_request_media_type(request);
    if (strcmp(media_type, "application/json") != 0) {
        problem->accepted = "application/json";
        return error_set(&problem->error, ERROR_UNSUPPORTED,
                         "Send the change as application/json, such as %s.", example);
    }
    json_t *json = json_body_read(request, IMAGE_CHANGE_SIZE_MAX, example, problem);
    bool is_read = json != NULL && members_read(json, body, problem);
    json_decref(json);
    return is_read;
}

void image_patch(struct http_request *request, struct http_response *response, void *context) {
    const struct api *api = context;
    struct problem problem = {0};
    struct change_body body = {.change = {.caption = NULL}};
    struct image_record record;
    const char *id = image_id_read(request, &problem);
    if (id == NULL || !body_read(request, &body, &problem) ||
        !service_change_image(api->service, id, &body.change, &record, &problem.error)) {
        problem_answer(&problem, response);
        return;
    }
    json_t *json = image_json_create(&record);
    record_notice_add(json, &record);
    answer_json(response, 200, json);
}
