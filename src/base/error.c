#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int http_status;
    int exit_code;
} error_kinds[ERROR_KIND_COUNT] = {
    [ERROR_NONE] = {"none", 200, 0},
    [ERROR_BAD_REQUEST] = {"bad_request", 400, 1},
    [ERROR_NOT_FOUND] = {"not_found", 404, 1},
    [ERROR_CONFLICT] = {"conflict", 409, 1},
    [ERROR_TOO_LARGE] = {"too_large", 413, 1},
    [ERROR_UNSUPPORTED] = {"unsupported", 415, 1},
    [ERROR_INVALID] = {"invalid", 422, 1},
    [ERROR_RATE_LIMITED] = {"rate_limited", 429, 1},
    [ERROR_OVERLOADED] = {"overloaded", 503, 1},
    [ERROR_UNAVAILABLE] = {"unavailable", 503, 1},
    [ERROR_UPSTREAM] = {"upstream", 502, 1},
    [ERROR_TIMEOUT] = {"timeout", 504, 1},
    [ERROR_STORAGE] = {"storage", 507, 1},
    [ERROR_UNAUTHORIZED] = {"unauthorized", 401, 1},
    [ERROR_USAGE] = {"usage", 400, 2},
    [ERROR_INTERNAL] = {"internal", 500, 1},
    [ERROR_NOT_IMPLEMENTED] = {"not_implemented", 501, 1},
};

bool error_set(struct error *err, enum error_kind kind, const char *format, ...) {
    if (err == NULL || err->kind != ERROR_NONE) return false;
    err->kind = kind;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return false;
}

bool error_wrap(struct error *err, const char *format, ...) {
    if (err == NULL || err->kind == ERROR_NONE) return false;
    char wrapped[ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(wrapped, sizeof wrapped, format, arguments);
    va_end(arguments);
    if (used < 0 || (size_t)used >= sizeof wrapped) return false;
    (void)snprintf(wrapped + used, sizeof wrapped - (size_t)used, ": %s", err->text);
    memcpy(err->text, wrapped, sizeof wrapped);
    return false;
}

void error_clear(struct error *err) {
    if (err == NULL) return;
    err->kind = ERROR_NONE;
    err->text[0] = '\0';
}

int error_http_status(enum error_kind kind) { return error_kinds[kind].http_status; }
int error_exit_code(enum error_kind kind) { return error_kinds[kind].exit_code; }
const char *error_kind_name(enum error_kind kind) { return error_kinds[kind].name; }
