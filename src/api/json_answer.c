#include "api/json_answer.h"

#include <math.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/memory.h"
#include "cloud/price_table.h"

// A page of 1000 images with the longest texts, every byte of them escaped, is under 25 MB.
enum { ANSWER_SIZE_MAX = 64 * 1024 * 1024 };
// 15 digits always survive a double, so what was rounded prints short: 0.1, not 0.1000000000000001.
enum { REAL_DIGITS = 15 };

static int append_bytes(const char *bytes, size_t size, void *context) {
    return byte_buffer_append(context, bytes, size) ? 0 : -1;
}

char *json_bytes_create(const json_t *json, size_t *size) {
    char *bytes = NULL;
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ANSWER_SIZE_MAX);
    size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS);
    if (json != NULL && json_dump_callback(json, append_bytes, &buffer, flags) == 0)
        bytes = byte_buffer_take(&buffer, size);
    byte_buffer_clear(&buffer);
    return bytes;
}

void answer_json_as(struct http_response *response, int status, const char *media_type,
                    json_t *json) {
    size_t size = 0;
    char *body = json_bytes_create(json, &size);
    json_decref(json);
    if (body == NULL) {
        struct error err = {0};
        error_set(&err, ERROR_INTERNAL,
                  "The server ran out of memory while it wrote the answer; try again.");
        http_response_set_error(response, &err);
        return;
    }
    http_response_set_status(response, status);
    http_response_take_body(response, media_type, body, size);
}

void answer_json(struct http_response *response, int status, json_t *json) {
    answer_json_as(response, status, "application/json", json);
}

bool answer_buffer(struct http_response *response, const char *media_type,
                   struct byte_buffer *buffer, struct error *err) {
    size_t size = 0;
    char *bytes = byte_buffer_take(buffer, &size);
    byte_buffer_clear(buffer);
    if (bytes == NULL)
        return error_set(err, ERROR_INTERNAL,
                         "the server ran out of memory while it wrote the answer; try again");
    http_response_set_status(response, 200);
    http_response_take_body(response, media_type, bytes, size);
    return true;
}

json_t *json_text(const char *text) {
    size_t size = strlen(text);
    // A character has at most four bytes: the cut is behind one of the last four.
    for (size_t dropped = 0; dropped < 4 && dropped <= size; dropped++) {
        json_t *json = json_stringn(text, size - dropped);
        if (json != NULL) return json;
    }
    char *copy = memory_try(size + 1);
    if (copy == NULL) return NULL;
    for (size_t i = 0; i < size; i++) copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    json_t *json = json_stringn(copy, size);
    memory_free(copy);
    return json;
}

json_t *json_rounded(double value, int decimals) {
    if (!isfinite(value)) return json_null();
    double scale = pow(10, decimals);
    return json_real(round(value * scale) / scale + 0.0);  // + 0.0: never "-0.0"
}

json_t *json_usd(int64_t nano_usd) { return json_real(price_usd(nano_usd)); }
