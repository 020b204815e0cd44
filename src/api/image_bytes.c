// GET /images/{id}/content and /thumbnail: bytes that somebody else once sent, so the answer tells
// browsers to take them for a picture and nothing else.
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/content_disposition.h"
#include "api/entity_tag.h"
#include "api/handlers.h"
#include "api/image_answer.h"
#include "api/parameter.h"
#include "image/decode.h"

enum { ENTITY_TAG_SIZE = 96 };  // a SHA-256 in hexadecimal, a size and quotes

static void picture_headers_add(struct http_response *response, const char *entity_tag) {
    http_response_add_header(response, "ETag", entity_tag);
    http_response_add_header(response, "Cache-Control", "private, no-cache");
    http_response_add_header(response, "Content-Security-Policy", "default-src 'none'; sandbox");
}

static enum image_format format_of(const struct image_record *record) {
    for (int format = IMAGE_JPEG; format < IMAGE_FORMAT_COUNT; format++) {
        if (strcmp(image_format_mime((enum image_format)format), record->mime) == 0)
            return (enum image_format)format;
    }
    return IMAGE_UNKNOWN;
}

static void content_headers_add(struct http_response *response, const struct image_record *record,
                                enum image_format format) {
    char disposition[CONTENT_DISPOSITION_SIZE];
    const char *extension = format == IMAGE_UNKNOWN ? "bin" : image_format_extension(format);
    content_disposition_write(record->id, record->file_name, extension, disposition);
    http_response_add_header(response, "Content-Disposition", disposition);
}

void image_content(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct image_record record;
    char *bytes = NULL;
    size_t size = 0;
    char entity_tag[ENTITY_TAG_SIZE];
    const char *id = image_id_read(request, &problem);
    if (id == NULL) goto out;
    if (!service_get_image(api->service, id, &record, &problem.error)) goto out;
    (void)snprintf(entity_tag, sizeof entity_tag, "\"%s\"", record.sha256);
    bool is_known = entity_tag_is_known(request, entity_tag);
    if (!is_known) {
        bytes = service_image_content(api->service, id, &record, &size, &problem.error);
        if (bytes == NULL) goto out;
    }
    picture_headers_add(response, entity_tag);
    if (is_known) {
        http_response_set_status(response, 304);
        goto out;
    }
    enum image_format format = format_of(&record);
    content_headers_add(response, &record, format);
    http_response_set_status(response, 200);
    // The type is a literal: it must outlive the response, which the record does not.
    http_response_take_body(
        response, format == IMAGE_UNKNOWN ? "application/octet-stream" : image_format_mime(format),
        bytes, size);
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
}

void image_thumbnail(struct http_request *request, struct http_response *response, void *context) {
    struct api *api = context;
    struct problem problem = {0};
    struct image_record record;
    char *bytes = NULL;
    size_t size = 0;
    long side = 0;
    char entity_tag[ENTITY_TAG_SIZE];
    const char *id = image_id_read(request, &problem);
    if (id == NULL) goto out;
    if (!parameter_read_integer(request, &parameter_thumbnail_size, &side, &problem)) goto out;
    if (!service_get_image(api->service, id, &record, &problem.error)) goto out;
    (void)snprintf(entity_tag, sizeof entity_tag, "\"%s-%ld\"", record.sha256, side);
    bool is_known = entity_tag_is_known(request, entity_tag);
    if (!is_known) {
        bytes = service_image_thumbnail(api->service, id, (uint32_t)side, &size, &problem.error);
        if (bytes == NULL) goto out;
    }
    picture_headers_add(response, entity_tag);
    if (is_known) {
        http_response_set_status(response, 304);
        goto out;
    }
    http_response_set_status(response, 200);
    http_response_take_body(response, "image/jpeg", bytes, size);
out:
    if (problem.error.kind != ERROR_NONE) problem_answer(&problem, response);
}
