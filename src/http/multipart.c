#define _GNU_SOURCE  // memmem

#include "http/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/utf8.h"

enum {
    PARAMETER_NAME_MAX = 63,  // "boundary", "filename"; longer ones are not ours
    HEADER_WINDOW = MULTIPART_PART_HEADER_MAX + 6,  // with the line ends around
};

enum parameter_result { PARAMETER_END, PARAMETER_FOUND, PARAMETER_BROKEN };

struct parameter {
    char name[PARAMETER_NAME_MAX + 1];
    char value[MULTIPART_PART_HEADER_MAX + 1];
};

enum delimiter { DELIMITER_NONE, DELIMITER_NEXT, DELIMITER_CLOSE };

struct scanner {
    const unsigned char *body;
    size_t size;
    size_t position;                          // of the first byte not read yet
    char needle[MULTIPART_BOUNDARY_MAX + 5];  // CR LF "--" boundary
    size_t needle_size;
};

static bool copy_bounded(char *out, size_t room, const char *from, size_t length) {
    if (length >= room) return false;
    memcpy(out, from, length);
    out[length] = '\0';
    return true;
}

// Reads `; name=value` or `; name="value"` and steps behind it.
static enum parameter_result parameter_next(const char **at, struct parameter *parameter) {
    const char *in = *at + strspn(*at, " \t");
    if (*in == '\0') return PARAMETER_END;
    if (*in != ';') return PARAMETER_BROKEN;
    in += 1 + strspn(in + 1, " \t");
    if (*in == '\0') return PARAMETER_END;
    size_t length = strcspn(in, "=; \t\"");
    if (length == 0 || in[length] != '=') return PARAMETER_BROKEN;
    if (!copy_bounded(parameter->name, sizeof parameter->name, in, length)) return PARAMETER_BROKEN;
    in += length + 1;
    if (*in != '"') {
        length = strcspn(in, "; \t\"");
        if (!copy_bounded(parameter->value, sizeof parameter->value, in, length))
            return PARAMETER_BROKEN;
        *at = in + length;
        return PARAMETER_FOUND;
    }
    size_t used = 0;
    for (in++; *in != '"'; in++) {
        // Old browsers send folders with bare backslashes, so only these two are escapes.
        if (*in == '\\' && (in[1] == '"' || in[1] == '\\')) in++;
        if (*in == '\0' || used + 1 == sizeof parameter->value) return PARAMETER_BROKEN;
        parameter->value[used++] = *in;
    }
    parameter->value[used] = '\0';
    *at = in + 1;
    return PARAMETER_FOUND;
}

static bool boundary_is_valid(const char *boundary) {
    static const char others[] = "'()+_,-./:=? ";  // RFC 2046, 5.1.1
    size_t length = strlen(boundary);
    if (length == 0 || length > MULTIPART_BOUNDARY_MAX || boundary[length - 1] == ' ') return false;
    for (const char *c = boundary; *c != '\0'; c++) {
        bool is_alphanumeric =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        if (!is_alphanumeric && strchr(others, *c) == NULL) return false;
    }
    return true;
}

static bool scanner_init(struct scanner *scanner, const char *content_type, struct error *err) {
    static const char form_type[] = "multipart/form-data";
    size_t type_length = strcspn(content_type, "; \t");
    if (type_length != sizeof form_type - 1 ||
        strncasecmp(content_type, form_type, type_length) != 0)
        return error_set(err, ERROR_BAD_REQUEST, "the body is not a multipart/form-data form");
    struct parameter parameter;
    const char *at = content_type + type_length;
    enum parameter_result result;
    scanner->needle_size = 0;
    while ((result = parameter_next(&at, &parameter)) == PARAMETER_FOUND) {
        if (strcasecmp(parameter.name, "boundary") != 0) continue;
        if (scanner->needle_size > 0 || !boundary_is_valid(parameter.value)) {
            result = PARAMETER_BROKEN;
            break;
        }
        memcpy(scanner->needle, "\r\n--", 4);
        scanner->needle_size = 4 + strlen(parameter.value);
        memcpy(scanner->needle + 4, parameter.value, scanner->needle_size - 4);
    }
    if (result == PARAMETER_BROKEN || scanner->needle_size == 0)
        return error_set(err, ERROR_BAD_REQUEST,
                         "the form's Content-Type has no valid boundary of 1 to %d characters",
                         MULTIPART_BOUNDARY_MAX);
    return true;
}

// What follows a boundary decides whether it is a delimiter at all; *end is set behind it.
static enum delimiter delimiter_kind(const struct scanner *scanner, size_t at, size_t *end) {
    bool is_close = scanner->size - at >= 2 && memcmp(scanner->body + at, "--", 2) == 0;
    if (is_close) at += 2;
    while (at < scanner->size && (scanner->body[at] == ' ' || scanner->body[at] == '\t')) at++;
    bool is_line_end = scanner->size - at >= 2 && memcmp(scanner->body + at, "\r\n", 2) == 0;
    *end = at + (is_line_end ? 2 : 0);
    if (is_close && (is_line_end || at == scanner->size)) return DELIMITER_CLOSE;
    return !is_close && is_line_end ? DELIMITER_NEXT : DELIMITER_NONE;
}

// Finds the next delimiter from `from` on: its start (of its CRLF), and steps behind it.
static enum delimiter scanner_next(struct scanner *scanner, size_t from, size_t *start) {
    while (from < scanner->size) {
        const unsigned char *found = memmem(scanner->body + from, scanner->size - from,
                                            scanner->needle, scanner->needle_size);
        if (found == NULL) break;
        *start = (size_t)(found - scanner->body);
        enum delimiter kind =
            delimiter_kind(scanner, *start + scanner->needle_size, &scanner->position);
        if (kind != DELIMITER_NONE) return kind;
        from = *start + 2;
    }
    return DELIMITER_NONE;
}

// The first delimiter may stand at the very start, without its CRLF.
static enum delimiter scanner_first(struct scanner *scanner) {
    size_t bare_size = scanner->needle_size - 2;
    if (scanner->size >= bare_size && memcmp(scanner->body, scanner->needle + 2, bare_size) == 0) {
        enum delimiter kind = delimiter_kind(scanner, bare_size, &scanner->position);
        if (kind != DELIMITER_NONE) return kind;
    }
    size_t start;
    return scanner_next(scanner, 0, &start);
}

static char *text_copy(const char *text, struct error *err) {
    char *copy = utf8_mended_copy(text, strlen(text));
    if (copy == NULL) error_set(err, ERROR_OVERLOADED, "out of memory; try again shortly");
    return copy;
}

// Browsers write a quote in a name as %22. Their %0D and %0A stay: no line ends in names.
static void decode_quotes(char *text) {
    char *out = text;
    for (const char *in = text; *in != '\0';) {
        bool is_quote = strncmp(in, "%22", 3) == 0;
        *out++ = is_quote ? '"' : *in;
        in += is_quote ? 3 : 1;
    }
    *out = '\0';
}

static const char *last_component(const char *path) {
    const char *last = path;
    for (const char *c = path; *c != '\0'; c++)
        if (*c == '/' || *c == '\\') last = c + 1;
    return strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ? "" : last;
}

static bool read_disposition(const char *value, struct http_part *part, struct error *err) {
    static const char form_data[] = "form-data";
    size_t type_length = strcspn(value, "; \t");
    if (part->name != NULL || type_length != sizeof form_data - 1 ||
        strncasecmp(value, form_data, type_length) != 0)
        return error_set(err, ERROR_BAD_REQUEST,
                         "a part of the form needs one Content-Disposition of type form-data");
    struct parameter parameter;
    const char *at = value + type_length;
    enum parameter_result result;
    while ((result = parameter_next(&at, &parameter)) == PARAMETER_FOUND) {
        bool is_name = strcasecmp(parameter.name, "name") == 0;
        bool is_file_name = strcasecmp(parameter.name, "filename") == 0;
        if (!is_name && !is_file_name) continue;
        const char **field = is_name ? &part->name : &part->file_name;
        decode_quotes(parameter.value);
        const char *text = is_name ? parameter.value : last_component(parameter.value);
        if (*field != NULL)
            return error_set(err, ERROR_BAD_REQUEST, "a part of the form has two names");
        // A file's name may be as long as its header; who keeps it cuts it.
        if (is_name && strlen(text) > MULTIPART_NAME_MAX)
            return error_set(err, ERROR_BAD_REQUEST,
                             "a field of the form has a name of more than %d bytes",
                             MULTIPART_NAME_MAX);
        *field = text_copy(text, err);
        if (*field == NULL) return false;
    }
    if (result == PARAMETER_BROKEN || part->name == NULL)
        return error_set(err, ERROR_BAD_REQUEST,
                         "a part of the form has no name, or a Content-Disposition that is broken");
    return true;
}

// One header line of a part, NUL-terminated, without its line end.
static bool read_header(char *line, struct http_part *part, struct error *err) {
    for (const char *c = line; *c != '\0'; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return error_set(err, ERROR_BAD_REQUEST,
                             "a header of a form part has a control character in it");
    char *colon = strchr(line, ':');
    size_t name_length = strcspn(line, " \t\":");
    if (colon == NULL || name_length == 0 || line + name_length != colon)
        return error_set(err, ERROR_BAD_REQUEST, "a header of a form part is broken");
    *colon = '\0';
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        value[--length] = '\0';

    if (strcasecmp(line, "Content-Disposition") == 0) return read_disposition(value, part, err);
    if (strcasecmp(line, "Content-Type") == 0) {
        if (part->content_type != NULL)
            return error_set(err, ERROR_BAD_REQUEST, "a part of the form has two Content-Types");
        part->content_type = text_copy(value, err);
        return part->content_type != NULL;
    }
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0 && strcasecmp(value, "binary") != 0 &&
        strcasecmp(value, "8bit") != 0 && strcasecmp(value, "7bit") != 0)
        return error_set(err, ERROR_BAD_REQUEST,
                         "a part of the form uses a Content-Transfer-Encoding; send it as it is");
    return true;
}

// Reads the headers at the scanner's position and steps behind their blank line.
static bool read_part_headers(struct scanner *scanner, struct http_part *part, struct error *err) {
    // Starting with the delimiter's own CRLF finds a blank line also where no header is.
    const unsigned char *start = scanner->body + scanner->position - 2;
    size_t left = scanner->size - (scanner->position - 2);
    size_t window = left < HEADER_WINDOW ? left : HEADER_WINDOW;
    const unsigned char *blank = memmem(start, window, "\r\n\r\n", 4);
    if (blank == NULL)
        return window < left
                   ? error_set(err, ERROR_TOO_LARGE,
                               "the headers of a form part are longer than %d bytes",
                               MULTIPART_PART_HEADER_MAX)
                   : error_set(err, ERROR_BAD_REQUEST, "the form ends within a part's headers");
    if (memchr(start, '\0', (size_t)(blank - start)) != NULL)
        return error_set(err, ERROR_BAD_REQUEST, "a header of a form part has a NUL in it");

    char headers[MULTIPART_PART_HEADER_MAX + 1] = "";
    if (blank > start) {
        size_t size = (size_t)(blank - start) - 2;
        memcpy(headers, start + 2, size);
        headers[size] = '\0';
    }
    char *line = headers;
    while (*line != '\0') {
        char *end = strstr(line, "\r\n");
        if (end != NULL) *end = '\0';
        if (!read_header(line, part, err)) return false;
        if (end == NULL) break;
        line = end + 2;
    }
    scanner->position = (size_t)(blank - scanner->body) + 4;
    if (part->name == NULL)
        return error_set(err, ERROR_BAD_REQUEST, "a part of the form has no Content-Disposition");
    return true;
}

bool multipart_parse(struct multipart_form *form, const char *content_type,
                     const unsigned char *body, size_t size, struct error *err) {
    struct scanner scanner = {.body = body, .size = size};
    memset(form, 0, sizeof *form);
    if (!scanner_init(&scanner, content_type, err)) return false;
    enum delimiter delimiter = size == 0 ? DELIMITER_NONE : scanner_first(&scanner);
    while (delimiter == DELIMITER_NEXT) {
        if (form->part_count == MULTIPART_PARTS_MAX) {
            error_set(err, ERROR_TOO_LARGE, "the form has more than %d parts", MULTIPART_PARTS_MAX);
            goto out;
        }
        struct http_part *part = &form->parts[form->part_count++];
        if (!read_part_headers(&scanner, part, err)) goto out;
        // A part may lack its bytes, and then its blank line's CRLF begins the delimiter.
        size_t data = scanner.position;
        size_t end = data;
        delimiter = scanner_next(&scanner, data - 2, &end);
        part->bytes = body + data;
        part->size = end > data ? end - data : 0;
    }
    if (delimiter == DELIMITER_CLOSE) return true;
    error_set(err, ERROR_BAD_REQUEST,
              "the form is cut off: its closing boundary is missing; send it again");
out:
    multipart_form_clear(form);
    return false;
}

void multipart_form_clear(struct multipart_form *form) {
    for (size_t i = 0; i < form->part_count; i++) {
        memory_free((void *)form->parts[i].name);
        memory_free((void *)form->parts[i].file_name);
        memory_free((void *)form->parts[i].content_type);
    }
    memset(form, 0, sizeof *form);
}
