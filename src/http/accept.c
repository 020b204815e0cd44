#include "http/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

// A piece of the header, not NUL-terminated.
struct piece {
    const char *text;
    size_t size;
};

static struct piece trimmed(const char *text, size_t size) {
    while (size > 0 && (*text == ' ' || *text == '\t')) text++, size--;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) size--;
    return (struct piece){text, size};
}

// What stands before the next separator outside quotes; *rest moves behind that, to NULL at the
// end.
static struct piece take_until(const char **rest, const char *end, char separator) {
    const char *start = *rest, *at = start;
    bool is_quoted = false;
    for (; at < end && (is_quoted || *at != separator); at++) {
        if (is_quoted && *at == '\\' && at + 1 < end)
            at++;
        else if (*at == '"')
            is_quoted = !is_quoted;
    }
    *rest = at < end ? at + 1 : NULL;
    return trimmed(start, (size_t)(at - start));
}

static bool piece_is(struct piece piece, const char *text) {
    return piece.size == strlen(text) && strncasecmp(piece.text, text, piece.size) == 0;
}

// "0", "0.875", "1", "1.000": RFC 9110 allows three digits and nothing else.
static bool read_quality(struct piece piece, double *quality) {
    if (piece.size < 1 || piece.size > 5 || piece.text[0] < '0' || piece.text[0] > '1')
        return false;
    if (piece.size > 1 && piece.text[1] != '.') return false;
    double unit = 0.1;
    *quality = piece.text[0] - '0';
    for (size_t i = 2; i < piece.size; i++) {
        if (piece.text[i] < '0' || piece.text[i] > '9') return false;
        *quality += unit * (piece.text[i] - '0');
        unit /= 10;
    }
    return *quality <= 1;
}

// How exactly the range speaks of the media type: 0 not at all, 1 "*/*", 2 "text/*", 3 by name.
static int exactness(struct piece range, const char *media_type) {
    size_t major = strcspn(media_type, "/") + 1;
    if (piece_is(range, "*/*")) return 1;
    if (range.size == major + 1 && range.text[major] == '*' &&
        strncasecmp(range.text, media_type, major) == 0)
        return 2;
    return piece_is(range, media_type) ? 3 : 0;
}

// One element of the list. False: it is malformed, or speaks of another version.
static bool read_parameters(const char *rest, const char *end, const char *version, int *exact,
                            double *quality) {
    *quality = 1;
    while (rest != NULL) {
        struct piece parameter = take_until(&rest, end, ';');
        const char *equals =
            parameter.size == 0 ? NULL : memchr(parameter.text, '=', parameter.size);
        if (equals == NULL) {
            if (parameter.size == 0) continue;  // "text/plain;" is written now and then
            return false;
        }
        struct piece name = {parameter.text, (size_t)(equals - parameter.text)};
        struct piece value = {equals + 1, parameter.size - name.size - 1};
        if (value.size >= 2 && value.text[0] == '"' && value.text[value.size - 1] == '"')
            value = (struct piece){value.text + 1, value.size - 2};
        if (piece_is(name, "q") && !read_quality(value, quality)) return false;
        if (piece_is(name, "version") && version != NULL && *exact == 3) {
            if (!piece_is(value, version)) return false;
            *exact = 4;
        }
    }
    return true;
}

struct http_acceptance http_accept_read(const char *accept, const char *media_type,
                                        const char *version) {
    struct http_acceptance found = {.quality = accept == NULL ? 1 : 0};
    int found_exact = 0;
    const char *end = accept == NULL ? NULL : accept + strlen(accept);
    while (accept != NULL) {
        struct piece element = take_until(&accept, end, ',');
        if (element.size == 0) continue;
        const char *rest = element.text, *element_end = element.text + element.size;
        struct piece range = take_until(&rest, element_end, ';');
        int exact = exactness(range, media_type);
        double quality;
        if (exact == 0 || !read_parameters(rest, element_end, version, &exact, &quality) ||
            exact < found_exact || (exact == found_exact && quality <= found.quality))
            continue;
        found_exact = exact;
        found = (struct http_acceptance){.quality = quality, .is_named = exact >= 3};
    }
    return found;
}
