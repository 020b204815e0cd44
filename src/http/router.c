#include "http/router.h"

#include <string.h>

static bool path_matches(const char *template, const struct target *target,
                         struct route_match *match) {
    match->parameter_count = 0;
    size_t segment = 0;
    const char *at = template;
    while (*at == '/') {
        at++;
        size_t length = strcspn(at, "/");
        if (length == 0) break;  // the template "/"
        if (segment == target->segment_count) return false;
        const char *given = target->segments[segment++];
        if (*at == '{') {
            if (*given == '\0' || match->parameter_count == HTTP_PATH_PARAMETERS_MAX) return false;
            match->parameters[match->parameter_count++] = given;
        } else if (strlen(given) != length || memcmp(given, at, length) != 0) {
            return false;
        }
        at += length;
    }
    return segment == target->segment_count;
}

// The fewest placeholders that a template which matches has: /images/batch is itself, and no
// /images/{id}. SIZE_MAX when none matches.
static size_t fewest_placeholders(const struct http_route *routes, size_t count,
                                  const struct target *target) {
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        struct route_match match;
        if (path_matches(routes[i].path, target, &match) && match.parameter_count < fewest)
            fewest = match.parameter_count;
    }
    return fewest;
}

struct route_match router_find(const struct http_route *routes, size_t count, const char *method,
                               const struct target *target) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const struct http_route *other = NULL;
    size_t placeholders = fewest_placeholders(routes, count, target);
    for (size_t i = 0; i < count; i++) {
        struct route_match match = {.route = &routes[i], .other = &routes[i]};
        if (!path_matches(routes[i].path, target, &match) || match.parameter_count > placeholders)
            continue;
        if (strcmp(routes[i].method, wanted) == 0) return match;
        other = &routes[i];
    }
    return (struct route_match){.other = other};
}

void router_allowed_methods(const struct http_route *routes, size_t count,
                            const struct target *target, struct byte_buffer *text) {
    size_t placeholders = fewest_placeholders(routes, count, target);
    for (size_t i = 0; i < count; i++) {
        struct route_match match;
        if (!path_matches(routes[i].path, target, &match) || match.parameter_count > placeholders)
            continue;
        if (text->size > 0) byte_buffer_append_text(text, ", ");
        byte_buffer_append_text(text, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0) byte_buffer_append_text(text, ", HEAD");
    }
}
