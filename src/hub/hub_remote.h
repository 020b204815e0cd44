// Talking to the hub: asking about a file, and getting its bytes. Tries again what may pass by
// itself (broken connections, 5xx, a short wait that the hub asks for) and turns the rest into
// sentences that say what to do. The token goes to the endpoint's own host and nowhere else.
#pragma once

#include "fetch/fetch_trusted.h"
#include "hub/hub_cache.h"

struct hub_remote {
    const struct hub_settings *settings;
    const struct hub_model *model;
    struct fetch_client *client;
    long connect_timeout_ms;
};

struct remote_file {
    char commit[HUB_COMMIT_SIZE];
    char etag[HUB_ETAG_SIZE];  // 64 hex: SHA-256; 40 hex: git's hash of the blob
    int64_t size_bytes;
};

// *is_there is false, without an error, when the repository has no such file; *file then holds the
// commit if the hub told it, else an empty one.
bool remote_look_up(struct hub_remote *remote, const char *revision, const char *path,
                    struct remote_file *file, bool *is_there, struct error *err);

struct remote_download {
    const char *path;                // in the repository
    const struct remote_file *file;  // what was looked up
    int descriptor;                  // open for reading and writing; what it holds is kept
    hub_progress *progress;          // may be NULL
    void *context;
};
// Fills the descriptor up to the file's size. The contents are not checked here.
bool remote_download(struct hub_remote *remote, const struct remote_download *download,
                     struct error *err);
