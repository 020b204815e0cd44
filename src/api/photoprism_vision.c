// POST /api/v1/vision/caption of PhotoPrism's vision API: the caption of a picture, which goes the
// way of an upload's (service/caption_picture.h) and is not stored.
//
//   {"id", "model", "version", "prompt", "images": [data URI] | "url": …}
//   -> {"id", "code": 200, "model": {"type", "name", "version"}, "result": {"caption": {"text",
//      "source", "confidence"}}}, or {"id", "code", "error"}: PhotoPrism reads `code` as a number.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/json_answer.h"
#include "api/json_body.h"
#include "api/picture_source.h"
#include "api/request_notes.h"
#include "api/served_model.h"

static const char json_example[] =
    "{\"images\": [\"data:image/jpeg;base64,/9j/4AAQ…\"]} or {\"url\": \"https://…\"}";

struct vision_request {
    json_t *json;
    const json_t *picture;
    enum picture_form form;
    struct problem problem;
};

static const char *text_of(const struct vision_request *vision, const char *name) {
    const char *text = json_string_value(json_object_get(vision->json, name));
    return text != NULL ? text : "";
}

// "blip-image-captioning-base:latest": a version behind the name says nothing here.
static bool check_model(struct vision_request *vision, const struct engine_info *info) {
    const char *model = text_of(vision, "model");
    char name[MODEL_NAME_SIZE];
    if (model[0] == '\0') return true;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(model, ":"), model);
    return served_model_check(info, SERVED_CAPTION, name, ERROR_NOT_FOUND, &vision->problem.error);
}

static bool find_picture(struct vision_request *vision) {
    const json_t *images = json_object_get(vision->json, "images");
    struct error *err = &vision->problem.error;
    if (images != NULL && !json_is_null(images) && !json_is_array(images))
        return error_set(err, ERROR_INVALID, "images must be a list of strings");
    if (json_array_size(images) > 1)
        return error_set(err, ERROR_INVALID,
                         "there is more than one picture in images; send one a request");
    vision->form = PICTURE_BASE64;
    vision->picture = json_array_get(images, 0);
    const char *text = json_string_value(vision->picture);
    if (text != NULL && strncmp(text, "http", 4) == 0 && strstr(text, "://") != NULL)
        vision->form = PICTURE_ADDRESS;
    if (vision->picture == NULL) {
        vision->form = PICTURE_ADDRESS;
        vision->picture = json_object_get(vision->json, "url");
    }
    return json_is_string(vision->picture) ||
           error_set(err, ERROR_INVALID, "there is no picture in the request; send %s",
                     json_example);
}

static bool check_text(struct vision_request *vision, const char *name) {
    const json_t *text = json_object_get(vision->json, name);
    return text == NULL || json_is_null(text) || json_is_string(text) ||
           error_set(&vision->problem.error, ERROR_INVALID, "%s must be a string", name);
}

static bool read_request(struct vision_request *vision, const struct http_request *request,
                         const struct engine_info *info) {
    vision->json = json_body_read_long(request, json_example, &vision->problem);
    if (vision->json == NULL) return false;
    if (!json_is_object(vision->json))
        return error_set(&vision->problem.error, ERROR_INVALID,
                         "the body must be a JSON object: %s", json_example);
    return check_text(vision, "id") && check_text(vision, "model") && check_text(vision, "url") &&
           check_model(vision, info) && find_picture(vision);
}

static bool caption(struct vision_request *vision, const struct api *api,
                    struct ingest_result *result) {
    struct picture_source source;
    struct error *err = &vision->problem.error;
    const struct ingest_options options = {.lane = QUEUE_INTERACTIVE};
    bool is_done =
        picture_source_read(&source, vision->form, json_string_value(vision->picture),
                            json_string_length(vision->picture), api->max_upload_bytes, err) &&
        picture_source_caption(&source, api->service, &options, result, err);
    picture_source_clear(&source);
    return is_done;
}

static json_t *answer_json_create(const struct vision_request *vision,
                                  const struct ingest_result *result) {
    const struct image_record *record = &result->record;
    const char *version = strchr(record->caption_model, '@');
    json_t *caption =
        json_pack("{s:o, s:s}", "text", json_text(record->caption), "source", "image");
    // PhotoPrism knows no unknown confidence: what is absent is 0 there.
    if (record->confidence >= 0)
        json_object_set_new(caption, "confidence", json_rounded(record->confidence, 6));
    return json_pack("{s:o, s:i, s:{s:s, s:o, s:s}, s:{s:o}}",  //
                     "id", json_text(text_of(vision, "id")),    //
                     "code", 200,                               //
                     "model",                                   //
                     "type", "caption",                         //
                     "name", json_text(record->caption_model),  //
                     "version", version != NULL ? version + 1 : "latest",
                     "result",  //
                     "caption", caption);
}

void photoprism_caption_post(struct http_request *request, struct http_response *response,
                             void *context) {
    const struct api *api = context;
    struct vision_request vision = {.json = NULL};
    const struct error *err = &vision.problem.error;
    struct ingest_result result;
    if (read_request(&vision, request, engine_info(api->engine)) &&
        caption(&vision, api, &result)) {
        request_note_upload(request, &result);
        answer_json(response, 200, answer_json_create(&vision, &result));
    } else {
        int status = error_http_status(err->kind);
        http_response_set_error(response, err);  // the status, Retry-After and the log
        answer_json(response, status,
                    json_pack("{s:o, s:i, s:o}", "id", json_text(text_of(&vision, "id")), "code",
                              status, "error", json_text(err->text)));
    }
    json_decref(vision.json);
}
