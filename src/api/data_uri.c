#include "api/data_uri.h"

#include <string.h>
#include <strings.h>

enum { HEADER_SIZE_MAX = 256 };  // up to the comma; types and their parameters are far shorter

static const char scheme[] = "data:";

bool is_data_uri(const char *text, size_t length) {
    return length >= sizeof scheme - 1 && strncasecmp(text, scheme, sizeof scheme - 1) == 0;
}

static bool ends_with(const char *text, size_t length, const char *end) {
    size_t size = strlen(end);
    return length >= size && strncasecmp(text + length - size, end, size) == 0;
}

// Nobody need say what a picture is: its bytes tell.
static bool may_be_picture(const char *type, size_t length) {
    static const char bytes[] = "application/octet-stream";
    return length == 0 || (length > 6 && strncasecmp(type, "image/", 6) == 0) ||
           (length == sizeof bytes - 1 && strncasecmp(type, bytes, length) == 0);
}

bool data_uri_read(const char *text, size_t length, const char **base64, size_t *base64_length,
                   struct error *err) {
    static const char mark[] = ";base64";
    size_t searched = length < HEADER_SIZE_MAX ? length : HEADER_SIZE_MAX;
    const char *comma = memchr(text, ',', searched);
    if (!is_data_uri(text, length) || comma == NULL)
        return error_set(err, ERROR_INVALID,
                         "the picture's data URI has no comma behind its type; send one such as "
                         "data:image/jpeg;base64,/9j/4AAQ…");
    const char *type = text + sizeof scheme - 1;
    size_t header = (size_t)(comma - type);
    if (!ends_with(type, header, mark))
        return error_set(err, ERROR_INVALID,
                         "the picture's data URI is not in base64; send one such as "
                         "data:image/jpeg;base64,/9j/4AAQ…");
    const char *parameters = memchr(type, ';', header);  // ";base64" at the latest
    if (!may_be_picture(type, (size_t)(parameters - type)))
        return error_set(err, ERROR_INVALID,
                         "the data URI is not of a picture: its type does not begin with image/");
    *base64 = comma + 1;
    *base64_length = length - (size_t)(*base64 - text);
    return true;
}
