#include "api/mcp_picture.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/image_answer.h"
#include "base/base64.h"
#include "base/memory.h"

#define URI_START "imgrouter://image/"
#define DATA_START "data:"
#define DATA_ENCODING ";base64,"

enum { THUMBNAIL_TEXT_MAX = 4 * 1024 * 1024 };  // a JPEG of 256 by 256 pixels is far below

// The base64 in a data: URI, or the text itself. NULL: a URI of another encoding.
static const char *base64_part(const char *text, size_t *length) {
    if (strncasecmp(text, DATA_START, strlen(DATA_START)) != 0) return text;
    const char *comma = memchr(text, ',', *length);
    size_t before = comma != NULL ? (size_t)(comma + 1 - text) : 0;
    size_t needed = strlen(DATA_ENCODING);
    if (before < needed || strncasecmp(text + before - needed, DATA_ENCODING, needed) != 0)
        return NULL;
    *length -= before;
    return comma + 1;
}

static bool data_read(const json_t *data, struct mcp_picture *picture, struct error *err) {
    size_t length = json_string_length(data);
    bool is_valid = false;
    const char *text = base64_part(json_string_value(data), &length);
    if (text != NULL)
        picture->bytes = base64_decode_create(text, length, &picture->size, &is_valid);
    if (picture->bytes == NULL && is_valid)
        return error_set(err, ERROR_INTERNAL, "The server has no memory for this picture.");
    return picture->bytes != NULL ||
           error_set(err, ERROR_INVALID,
                     "data must be base64, or a data: URI with ;base64 before its comma.");
}

bool mcp_picture_read(const json_t *arguments, const char *ways, struct mcp_picture *picture,
                      struct error *err) {
    const json_t *url = json_object_get(arguments, "url");
    const json_t *data = json_object_get(arguments, "data");
    const json_t *image_id = json_object_get(arguments, "image_id");
    *picture = (struct mcp_picture){.url = json_string_value(url)};
    if ((url != NULL) + (data != NULL) + (image_id != NULL) != 1)
        return error_set(err, ERROR_INVALID, "Name the picture in exactly one way: %s.", ways);
    return data == NULL || data_read(data, picture, err);
}

void mcp_picture_clear(struct mcp_picture *picture) { memory_free(picture->bytes); }

void mcp_uri_write(const char *id, char uri[static MCP_URI_SIZE]) {
    (void)snprintf(uri, MCP_URI_SIZE, URI_START "%s", id);
}

const char *mcp_uri_id(const char *uri) {
    if (strncmp(uri, URI_START, strlen(URI_START)) != 0) return NULL;
    const char *id = uri + strlen(URI_START);
    return image_id_is_whole(id) ? id : NULL;
}

json_t *mcp_thumbnail_create(const struct api *api, const char *id, struct error *err) {
    struct byte_buffer text;
    size_t size = 0;
    json_t *json = NULL;
    char *jpeg = service_image_thumbnail(api->service, id, MCP_THUMBNAIL_SIDE, &size, err);
    byte_buffer_init(&text, THUMBNAIL_TEXT_MAX);
    if (jpeg != NULL && base64_append(&text, (const uint8_t *)jpeg, size))
        json = json_stringn(text.bytes, text.size);
    if (json == NULL) error_set(err, ERROR_INTERNAL, "The server has no memory for a thumbnail.");
    byte_buffer_clear(&text);
    memory_free(jpeg);
    return json;
}

void mcp_thumbnail_show(const struct api *api, const char *id, json_t *shown) {
    struct error err = {0};
    json_t *data = mcp_thumbnail_create(api, id, &err);
    json_array_append_new(
        shown,
        json_pack("{s:s, s:o}", "type", "text", "text",
                  data != NULL ? json_sprintf("Thumbnail of %s:", id)
                               : json_sprintf("There is no thumbnail of %s: %s", id, err.text)));
    if (data == NULL) return;
    json_array_append_new(shown, json_pack("{s:s, s:o, s:s}", "type", "image", "data", data,
                                           "mimeType", "image/jpeg"));
}
