// The tool caption.
#include <string.h>

#include "api/image_answer.h"
#include "api/mcp_picture.h"
#include "api/mcp_tools.h"
#include "api/picture_body.h"
#include "service/caption_picture.h"

static enum route_quality quality_read(const json_t *arguments) {
    const char *text = json_string_value(json_object_get(arguments, "quality"));
    if (text != NULL && strcmp(text, "fast") == 0) return QUALITY_FAST;
    return text != NULL && strcmp(text, "high") == 0 ? QUALITY_HIGH : QUALITY_AUTO;
}

// What is the same of every image that is told of.
static json_t *caption_json(const struct image_record *record, bool is_stored) {
    json_t *image = image_json_create(record);
    json_t *json = json_pack(
        "{s:O, s:O, s:O, s:O, s:b}", "caption", json_object_get(image, "caption"), "confidence",
        json_object_get(image, "confidence"), "model", json_object_get(image, "model"), "receipt",
        json_object_get(image, "receipt"), "is_stored", (int)is_stored);
    notice_add(json, model_source_of(record->caption_model), MODEL_FULL, false);
    json_decref(image);
    return json;
}

static json_t *keep(struct api *api, const struct mcp_picture *picture,
                    const struct ingest_options *options, struct error *err) {
    struct ingest_result result;
    char uri[MCP_URI_SIZE];
    bool is_done = picture->url != NULL
                       ? service_ingest_url(api->service, picture->url, options, &result, err)
                       : service_ingest_image(api->service, picture->bytes, picture->size, options,
                                              &result, err);
    if (!is_done) return NULL;
    json_t *json = caption_json(&result.record, true);
    mcp_uri_write(result.record.id, uri);
    json_object_set_new(json, "id", json_string(result.record.id));
    json_object_set_new(json, "uri", json_string(uri));
    json_object_set_new(json, "was_known", json_boolean(result.was_known));
    // As of an upload: whatever its caption once cost, this call paid nothing.
    if (result.was_known)
        json_object_set_new(json_object_get(json, "receipt"), "cache_hit", json_true());
    return json;
}

static json_t *tell(struct api *api, const struct mcp_picture *picture,
                    const struct ingest_options *options, struct error *err) {
    struct ingest_result result;
    bool is_done = picture->url != NULL
                       ? service_caption_url(api->service, picture->url, options, &result, err)
                       : service_caption_image(api->service, picture->bytes, picture->size, options,
                                               &result, err);
    return is_done ? caption_json(&result.record, false) : NULL;
}

json_t *mcp_caption(struct api *api, const json_t *arguments, json_t *shown, struct error *err) {
    struct mcp_picture picture;
    struct picture_body body = {0};  // for its file name, made harmless
    struct ingest_options options = {.lane = QUEUE_INTERACTIVE, .quality = quality_read(arguments)};
    json_t *json = NULL;
    (void)shown;
    picture_body_set_name(&body, json_string_value(json_object_get(arguments, "filename")));
    if (body.file_name[0] != '\0') options.file_name = body.file_name;
    if (mcp_picture_read(arguments, "url or data", &picture, err))
        json = json_is_true(json_object_get(arguments, "store"))
                   ? keep(api, &picture, &options, err)
                   : tell(api, &picture, &options, err);
    mcp_picture_clear(&picture);
    return json;
}
