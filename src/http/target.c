#include "http/target.h"

#include <string.h>

#include "base/memory.h"
#include "http/utf8.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Decodes in place. `+` is a space only in queries.
static bool decode(char *text, bool is_query, struct error *err) {
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        unsigned char byte = (unsigned char)*in;
        if (byte <= ' ')
            return error_set(err, ERROR_BAD_REQUEST,
                             "the address has a blank in it; write it as %%20");
        if (*in == '+' && is_query) {
            byte = ' ';
        } else if (*in == '%') {
            int high = hex_digit(in[1]);
            int low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0)
                return error_set(err, ERROR_BAD_REQUEST,
                                 "the address has a %% that no two hexadecimal digits follow; "
                                 "write a percent sign as %%25");
            byte = (unsigned char)(high * 16 + low);
            in += 2;
        }
        // Line ends and tabs are ordinary text in a query; nothing of ours has them in its path.
        bool is_blank = is_query && (byte == '\t' || byte == '\n' || byte == '\r');
        if ((byte < 0x20 && !is_blank) || byte == 0x7f)
            return error_set(err, ERROR_BAD_REQUEST, "the address has a control character in it");
        *out++ = (char)byte;
    }
    *out = '\0';
    if (!utf8_is_valid(text, (size_t)(out - text)))
        return error_set(err, ERROR_BAD_REQUEST, "the address is not valid UTF-8");
    return true;
}

static bool parse_path(struct target *target, char *path, struct error *err) {
    char *rest = path;
    while (rest != NULL) {
        char *segment = strsep(&rest, "/");
        bool is_edge = segment == path || rest == NULL;
        if (is_edge && *segment == '\0') continue;
        if (target->segment_count == TARGET_SEGMENTS_MAX)
            return error_set(err, ERROR_NOT_FOUND, "Not Found: no address has so many parts");
        if (!decode(segment, false, err)) return false;
        target->segments[target->segment_count++] = segment;
    }
    return true;
}

static bool parse_query(struct target *target, char *query, struct error *err) {
    char *rest = query;
    while (rest != NULL) {
        char *value = strsep(&rest, "&");
        if (*value == '\0') continue;
        if (target->parameter_count == TARGET_PARAMETERS_MAX)
            return error_set(err, ERROR_BAD_REQUEST, "the query has more than %d parameters",
                             TARGET_PARAMETERS_MAX);
        char *name = strsep(&value, "=");
        if (!decode(name, true, err)) return false;
        if (value != NULL && !decode(value, true, err)) return false;
        target->parameters[target->parameter_count++] =
            (struct target_parameter){.name = name, .value = value == NULL ? "" : value};
    }
    return true;
}

bool target_parse(struct target *target, const char *raw, struct error *err) {
    memset(target, 0, sizeof *target);
    target->path = "";
    size_t size = strlen(raw) + 1;
    // Twice: one copy stays as sent, the other is cut up.
    target->storage = memory_try_array(2, size);
    if (target->storage == NULL)
        return error_set(err, ERROR_UNAVAILABLE, "out of memory; try again shortly");
    char *sent = target->storage;
    char *cut = target->storage + size;
    memcpy(sent, raw, size);
    memcpy(cut, raw, size);

    // The absolute form, "GET http://host/path", which servers must take (RFC 9112, 3.2.2).
    if (strncmp(cut, "http://", strlen("http://")) == 0) {
        size_t authority = strlen("http://") + strcspn(cut + strlen("http://"), "/?");
        sent += authority;
        cut += authority;
    } else if (cut[0] != '/') {
        target->path = sent;
        return error_set(err, ERROR_BAD_REQUEST, "the address must begin with a slash");
    }
    target->path = sent;
    sent[strcspn(sent, "?")] = '\0';
    char *query = strchr(cut, '?');
    if (query != NULL) *query++ = '\0';
    return parse_path(target, cut, err) && parse_query(target, query, err);
}

void target_clear(struct target *target) {
    memory_free(target->storage);
    memset(target, 0, sizeof *target);
}

const char *target_parameter(const struct target *target, const char *name) {
    for (size_t i = 0; i < target->parameter_count; i++)
        if (strcmp(target->parameters[i].name, name) == 0) return target->parameters[i].value;
    return NULL;
}
