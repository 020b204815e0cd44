#include "api/picture_body.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/json_body.h"
#include "api/parameter.h"

static const char accepted_types[] =
    "multipart/form-data, application/json, image/*, application/octet-stream";

static const char json_example[] = "{\"url\": \"https://example.org/picture.jpg\"}";

enum { JSON_BODY_SIZE_MAX = 64 * 1024 };  // an address and some words; far beyond both

// Folders and control characters only make it hard to read.
void picture_body_set_name(struct picture_body *body, const char *name) {
    if (name == NULL) return;
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '/' || *c == '\\') name = c + 1;
    }
    (void)snprintf(body->file_name, sizeof body->file_name, "%s", name);
    for (char *c = body->file_name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '_';
    }
}

static bool file_missing(struct problem *problem) {
    return problem_set_field(
        problem, "body", "file", "missing", "Field required",
        "The form has no field named \"file\"; send the picture in one, for example with "
        "curl -F file=@picture.jpg.");
}

bool picture_body_set_bytes(struct picture_body *body, const void *bytes, size_t size,
                            struct problem *problem) {
    if (size == 0) {
        return problem_set_field(problem, "body", "file", "too_short", "The file is empty",
                                 "The file is empty; send the bytes of a picture.");
    }
    body->bytes = bytes;
    body->size = size;
    return true;
}

bool picture_body_set_url(struct picture_body *body, const char *url, size_t size,
                          struct problem *problem) {
    if (size == 0) {
        return problem_set_field(problem, "body", "url", "too_short", "The address is empty",
                                 "The url is empty; give the address of a picture.");
    }
    if (size >= STORE_URL_SIZE) {
        return problem_set_field(
            problem, "body", "url", "string_too_long", "The address is too long",
            "The url is longer than %d bytes; give a shorter address.", STORE_URL_SIZE - 1);
    }
    if (memchr(url, '\0', size) != NULL) {
        return problem_set_field(problem, "body", "url", "string_type", "Not an address",
                                 "The url has a zero byte in it; give a plain address.");
    }
    memcpy(body->url, url, size);
    body->url[size] = '\0';
    return true;
}

static bool form_read(struct picture_body *body, struct http_request *request,
                      struct problem *problem) {
    size_t count = 0;
    const struct http_part *parts = http_request_parts(request, &count, &problem->error);
    if (parts == NULL)  // refused, or a form without a part
        return problem->error.kind != ERROR_NONE ? false : file_missing(problem);
    const struct http_part *file = NULL;
    const struct http_part *url = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct http_part *part = &parts[i];
        if (strcmp(part->name, "file") == 0) {
            if (file != NULL) {
                return problem_set_field(problem, "body", "file", "too_many", "One file a request",
                                         "The form has more than one field named \"file\"; send "
                                         "one picture a request.");
            }
            file = part;
        } else if (strcmp(part->name, "url") == 0) {
            url = part;
        } else if (strcmp(part->name, parameter_quality.name) == 0) {
            const char *value = part->size > 0 ? (const char *)part->bytes : "";
            if (!parameter_read_quality("body", value, part->size, &body->quality, problem))
                return false;
        }  // every other field is ignored, `visibility` of the original's clients among them
    }
    if (file != NULL) {
        picture_body_set_name(body, file->file_name);
        return picture_body_set_bytes(body, file->bytes, file->size, problem);
    }
    if (url != NULL)
        return picture_body_set_url(body, (const char *)url->bytes, url->size, problem);
    return file_missing(problem);
}

static bool json_members_read(struct picture_body *body, const json_t *json,
                              struct problem *problem) {
    if (!json_is_object(json)) {
        return problem_set_field(problem, "body", "url", "dict_type",
                                 "Input should be a JSON object",
                                 "The JSON body must be an object such as %s.", json_example);
    }
    const json_t *quality = json_object_get(json, parameter_quality.name);
    if (quality != NULL) {  // a value that is no string is none of the choices
        const char *value = json_is_string(quality) ? json_string_value(quality) : "";
        size_t size = json_is_string(quality) ? json_string_length(quality) : 0;
        if (!parameter_read_quality("body", value, size, &body->quality, problem)) return false;
    }
    const json_t *url = json_object_get(json, "url");
    if (url == NULL) {
        return problem_set_field(problem, "body", "url", "missing", "Field required",
                                 "The JSON body has no member \"url\"; send an object such as %s.",
                                 json_example);
    }
    if (!json_is_string(url)) {
        return problem_set_field(problem, "body", "url", "string_type",
                                 "Input should be a valid string",
                                 "The member \"url\" must be a string, the address of a picture.");
    }
    return picture_body_set_url(body, json_string_value(url), json_string_length(url), problem);
}

static bool json_read(struct picture_body *body, struct http_request *request,
                      struct problem *problem) {
    json_t *json = json_body_read(request, JSON_BODY_SIZE_MAX, json_example, problem);
    if (json == NULL) return false;
    bool is_read = json_members_read(body, json, problem);
    json_decref(json);
    return is_read;
}

static bool is_raw_picture(const char *media_type) {
    return strncmp(media_type, "image/", 6) == 0 ||
           strcmp(media_type, "application/octet-stream") == 0;
}

bool picture_body_read(struct picture_body *body, struct http_request *request,
                       struct problem *problem) {
    const char *quality = http_request_query(request, parameter_quality.name);
    if (!parameter_read_quality("query", quality, quality != NULL ? strlen(quality) : 0,
                                &body->quality, problem))
        return false;
    const char *media_type = http_request_media_type(request);
    if (strcmp(media_type, "multipart/form-data") == 0) return form_read(body, request, problem);
    if (strcmp(media_type, "application/json") == 0) return json_read(body, request, problem);
    if (is_raw_picture(media_type)) {
        picture_body_set_name(body, http_request_query(request, parameter_file_name.name));
        size_t size = 0;
        const unsigned char *bytes = http_request_body(request, &size);
        return picture_body_set_bytes(body, bytes, size, problem);
    }
    problem->accepted = accepted_types;
    return error_set(&problem->error, ERROR_UNSUPPORTED,
                     "A body of this content type is not accepted; send a form "
                     "(multipart/form-data) with the picture in the field \"file\", "
                     "application/json with a \"url\", or the picture itself as image/* or "
                     "application/octet-stream.");
}
