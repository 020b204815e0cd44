#include "api/mcp_resources.h"

#include "api/image_answer.h"
#include "api/image_cursor.h"
#include "api/json_answer.h"
#include "api/mcp_picture.h"
#include "base/memory.h"

enum { PAGE_SIZE = 100 };

static json_t *resource_json(const struct image_record *record) {
    char uri[MCP_URI_SIZE];
    mcp_uri_write(record->id, uri);
    return json_pack("{s:s, s:s, s:o, s:s}", "uri", uri, "name", record->id, "title",
                     json_text(record->caption), "mimeType", "image/jpeg");
}

json_t *mcp_resources_list(const struct api *api, const json_t *params, struct rpc_error *error) {
    const json_t *text = json_object_get(params, "cursor");
    struct store_cursor cursor = {0};
    struct error err = {0};
    size_t count = 0;
    bool has_more = false;
    if (text != NULL &&
        (!json_is_string(text) || !image_cursor_read(json_string_value(text), &cursor))) {
        rpc_fail(
            error, RPC_INVALID_PARAMS,
            "The cursor is not one that this server gave; take nextCursor of the page before.");
        return NULL;
    }
    struct image_record *records = memory_try_array(PAGE_SIZE, sizeof *records);
    if (records == NULL) {
        rpc_fail(error, RPC_INTERNAL_ERROR, "The server has no memory for this page.");
        return NULL;
    }
    json_t *result = NULL;
    if (service_list_images(api->service, &cursor, PAGE_SIZE, records, &count, &has_more, &err)) {
        char next[IMAGE_CURSOR_SIZE];
        json_t *resources = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(resources, resource_json(&records[i]));
        result = json_pack("{s:o}", "resources", resources);
        image_cursor_write(&cursor, next);
        if (has_more) json_object_set_new(result, "nextCursor", json_string(next));
    } else {
        rpc_fail(error, RPC_INTERNAL_ERROR, "%s", err.text);
    }
    memory_free(records);
    return result;
}

json_t *mcp_resource_templates_list(void) {
    return json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "resourceTemplates", "uriTemplate",
                     "imgrouter://image/{id}", "name", "image", "title", "A stored picture",
                     "description", "A small JPEG of the picture, and what is known of it as JSON.",
                     "mimeType", "image/jpeg");
}

static json_t *contents_json(const char *uri, const struct image_record *record, json_t *blob) {
    json_t *image = image_json_create(record);
    record_notice_add(image, record);
    size_t size = 0;
    char *text = json_bytes_create(image, &size);
    json_decref(image);
    json_t *contents = json_pack("{s:[{s:s, s:s, s:o}, {s:s, s:s, s:o}]}", "contents",  //
                                 "uri", uri, "mimeType", "image/jpeg", "blob", blob,    //
                                 "uri", uri, "mimeType", "application/json", "text",
                                 text != NULL ? json_stringn(text, size) : NULL);
    memory_free(text);
    return contents;
}

json_t *mcp_resource_read(const struct api *api, const json_t *params, struct rpc_error *error) {
    struct image_record record;
    struct error err = {0};
    json_t *uri = json_object_get(params, "uri");
    if (!json_is_string(uri)) {
        rpc_fail(error, RPC_INVALID_PARAMS, "resources/read needs uri, a string.");
        return NULL;
    }
    const char *id = mcp_uri_id(json_string_value(uri));
    if (id == NULL)
        error_set(&err, ERROR_NOT_FOUND, "A resource is imgrouter://image/ with an image's id.");
    json_t *blob = id != NULL && service_get_image(api->service, id, &record, &err)
                       ? mcp_thumbnail_create(api, id, &err)
                       : NULL;
    if (blob != NULL) return contents_json(json_string_value(uri), &record, blob);
    if (err.kind == ERROR_NOT_FOUND) error->data = json_pack("{s:O}", "uri", uri);
    rpc_fail(error, err.kind == ERROR_NOT_FOUND ? MCP_RESOURCE_NOT_FOUND : RPC_INTERNAL_ERROR, "%s",
             err.text);
    return NULL;
}
