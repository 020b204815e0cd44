// Where `imgrouter index` brings pictures: into the data folder itself (index_local.c), or to a
// running server (index_server.c).
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "cli/settings.h"
#include "route/policy.h"
#include "store/store.h"

enum index_outcome {
    INDEX_NEW,
    INDEX_KNOWN,   // the same bytes were there already
    INDEX_FAILED,  // the picture's own fault
    INDEX_AGAIN,   // not its fault, and soon over: a queue is full
    INDEX_STOP,    // not its fault, and the same for every other: the disk is full
};

struct index_picture {
    const char *name;  // kept with it, as a hint
    const char *bytes;
    size_t size;
    // The answer.
    enum index_outcome outcome;
    char id[IMAGE_ID_SIZE];            // of INDEX_NEW and INDEX_KNOWN
    char caption[STORE_CAPTION_SIZE];  // the same
    struct error reason;               // of the others
};

struct index_target {
    const char *name;            // kept in the ledger: a picture that went elsewhere is not here
    enum route_quality quality;  // high: what was brought there otherwise is brought again
    size_t threads;              // that call `ingest` at once
    size_t pictures_max;         // of one call
    size_t bytes_max;            // of one call with more than one picture
    // Gives each picture its answer. Any thread.
    void (*ingest)(struct index_target *target, struct index_picture *pictures, size_t count);
    void (*destroy)(struct index_target *target);
};

// Opens the store and the models. ERROR_CONFLICT when a server uses the data folder.
struct index_target *index_local_create(const struct settings *settings, struct error *err);
// Of the server that settings->server names.
struct index_target *index_server_create(const struct settings *settings, struct error *err);
