#include "api/json_body.h"

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
