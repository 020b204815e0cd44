// What a file's bytes hash to, in the three ways the hub names them.
#pragma once

#include "hub/hub.h"

// How a file's hash is known: a SHA-256 for large files, git's SHA-1 of a blob for small ones.
enum hub_hash_kind { HUB_HASH_NONE, HUB_HASH_SHA256, HUB_HASH_GIT };
// By its length, of hex digits only.
enum hub_hash_kind hub_hash_kind_of(const char *hex);

struct hub_hash_watch {
    hub_progress *progress;  // may be NULL
    void *context;
    const char *file;  // the name progress is told
};
// *is_equal: the file has the hash `hex` (of whatever kind; HUB_HASH_NONE counts as equal).
// Errors: ERROR_STORAGE, ERROR_NOT_FOUND, ERROR_UNAVAILABLE when progress said stop.
bool hub_hash_compare(const char *path, const char *hex, const struct hub_hash_watch *watch,
                      bool *is_equal, struct error *err);
