// The request target: "/images/a%20b?k=10" taken apart into decoded path segments and query
// parameters. Splitting comes before decoding, so that an encoded slash never makes a segment.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { TARGET_SEGMENTS_MAX = 8, TARGET_PARAMETERS_MAX = 32 };

struct target_parameter {
    const char *name;
    const char *value;  // "" when the parameter has none
};

struct target {
    char *storage;     // what all pointers below point into
    const char *path;  // as sent, without the query
    const char *segments[TARGET_SEGMENTS_MAX];
    size_t segment_count;  // 0: "/"; a slash at the end counts for nothing
    struct target_parameter parameters[TARGET_PARAMETERS_MAX];
    size_t parameter_count;
};

// ERROR_BAD_REQUEST for broken escapes, encoded NUL or control characters, bytes that are not
// UTF-8, and too many parameters; ERROR_NOT_FOUND for more segments than any route has.
// The target may be cleared after a failure, and `path` is then still there.
bool target_parse(struct target *target, const char *raw, struct error *err);
void target_clear(struct target *target);
const char *target_parameter(const struct target *target, const char *name);
