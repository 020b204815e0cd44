#include "api/json_body.h"

#include <stdint.h>
#include <string.h>

// Of a long body: one byte of it may become a value that takes dozens in memory.
enum { LONG_BODY_VALUES_MAX = 20000 };

static void json_refuse(const json_error_t *error, const char *example, struct problem *problem) {
    if (json_error_code(error) == json_error_duplicate_key)
        error_set(&problem->error, ERROR_BAD_REQUEST,
                  "The JSON body names a key twice; send each key once.");
    else
        error_set(&problem->error, ERROR_BAD_REQUEST,
                  "The body is not valid JSON (line %d, column %d); send an object such as %s.",
                  error->line > 0 ? error->line : 1, error->column > 0 ? error->column : 1,
                  example);
}

json_t *json_body_read(const struct http_request *request, size_t size_max, const char *example,
                       struct problem *problem) {
    size_t size = 0;
    const unsigned char *bytes = http_request_body(request, &size);
    if (size > size_max) {
        error_set(&problem->error, ERROR_TOO_LARGE,
                  "The JSON body has %zu bytes; at most %zu are accepted. Send the picture itself "
                  "as a form or as the body, not inside JSON.",
                  size, size_max);
        return NULL;
    }
    json_error_t error = {0};
    json_t *json = json_loadb(size > 0 ? (const char *)bytes : "", size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json == NULL) json_refuse(&error, example, problem);
    return json;
}

// About as many as there are values and names, without parsing.
static size_t count_values(const unsigned char *bytes, size_t size) {
    size_t count = 1;
    bool is_in_string = false;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = bytes[i];
        if (is_in_string && byte == '\\')
            i++;  // what is behind it ends nothing
        else if (byte == '"')
            is_in_string = !is_in_string;
        else if (!is_in_string)
            count += byte == ',' || byte == '[' || byte == '{' || byte == ':';
    }
    return count;
}

json_t *json_body_read_long(const struct http_request *request, const char *example,
                            struct problem *problem) {
    const char *type = http_request_media_type(request);
    size_t size = 0;
    const unsigned char *bytes = http_request_body(request, &size);
    if (type[0] != '\0' && strcmp(type, "application/json") != 0) {
        error_set(&problem->error, ERROR_UNSUPPORTED,
                  "A body of this content type is not accepted; send JSON such as %s.", example);
        return NULL;
    }
    if (count_values(bytes, size) > LONG_BODY_VALUES_MAX) {
        error_set(&problem->error, ERROR_TOO_LARGE,
                  "The JSON body has more than %d values; send fewer at once, and text as strings.",
                  LONG_BODY_VALUES_MAX);
        return NULL;
    }
    return json_body_read(request, SIZE_MAX, example, problem);
}
