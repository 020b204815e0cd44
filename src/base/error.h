// Errors as values. Every function that can fail takes `struct error *err` last and
// returns false or NULL when it fails. The text is a sentence for the user: what was wrong,
// and what to do. The buffer is fixed, so reporting an error never allocates. `err` may be
// NULL; the first error written wins, later ones are dropped.
#pragma once

#include <stdbool.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_BAD_REQUEST,      // malformed syntax from outside
    ERROR_NOT_FOUND,        // no such image, route or file
    ERROR_CONFLICT,         // contradicts what is stored
    ERROR_TOO_LARGE,        // over a stated limit
    ERROR_UNSUPPORTED,      // not a picture, or of a format this build cannot read
    ERROR_INVALID,          // well-formed but not acceptable: missing field, undecodable picture
    ERROR_RATE_LIMITED,     // too many requests from this client or to that provider
    ERROR_OVERLOADED,       // our queue is full; try again shortly
    ERROR_UNAVAILABLE,      // a part we need is not there now: models, store, shutdown
    ERROR_UPSTREAM,         // another server answered wrongly
    ERROR_TIMEOUT,          // another server did not answer in time
    ERROR_STORAGE,          // disk full, read-only or failing
    ERROR_UNAUTHORIZED,     // a key or token is missing or refused
    ERROR_USAGE,            // wrong command line
    ERROR_INTERNAL,         // our own fault, or out of memory
    ERROR_NOT_IMPLEMENTED,  // what a protocol has and we do not
    ERROR_KIND_COUNT
};

enum { ERROR_TEXT_SIZE = 512 };

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_SIZE];
};

// Writes the error unless one is already there. Always returns false, so that
// `return error_set(err, …);` reads well. Texts that do not fit are cut, never overrun.
bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Puts "<context>: " before the text already there. Does nothing when there is no error.
// Always returns false.
bool error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

// One table (error.c) maps every kind to these.
int error_http_status(enum error_kind kind);
int error_exit_code(enum error_kind kind);          // 1, or 2 for ERROR_USAGE
const char *error_kind_name(enum error_kind kind);  // stable code: "too_large"
