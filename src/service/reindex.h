// A change of the search model: stored pictures get vectors of the model that runs, in the
// background and newest first. Until all have one, searches use the former model's vectors, if that
// model is on this machine; then they change over at once, and the former vectors go. What is
// missing is asked of the store, so work that was interrupted goes on where it ended, and several
// servers on one store may do it at the same time. All functions may be called from any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "store/store.h"

enum reindex_state {
    REINDEX_IDLE,      // not begun
    REINDEX_RUNNING,   //
    REINDEX_WAITING,   // what it needs is not there now; it tries again by itself
    REINDEX_COMPLETE,  // every picture that can be embedded has its vector
    // Nothing is done: the model that runs is worse than the former one (model_source.h), whose
    // vectors are kept for when it is back.
    REINDEX_HELD,
};

struct reindex_progress {
    enum reindex_state state;
    char from[STORE_MODEL_SIZE];  // the former model's space; empty: there is no other
    char to[STORE_MODEL_SIZE];    // the space of the model that runs
    bool is_from_searched;        // searches use `from` now, else `to`
    size_t done;                  // pictures with a vector in `to`
    size_t total;
    size_t failed;  // of those without: bytes lost, or not readable as a picture any more
};

struct service;

// Until the work has begun: REINDEX_IDLE, and nothing is counted.
void service_reindex_progress(struct service *service, struct reindex_progress *progress);

// Works on a thread of its own until all is done. ERROR_INTERNAL: no thread.
bool service_reindex_start(struct service *service, struct error *err);
// Waits for the pictures that are with the models. For whoever started it, once.
void service_reindex_stop(struct service *service);

// Called from several threads, one at a time.
typedef void reindex_report(void *context, const struct reindex_progress *progress);
// The same, but returns only when all is done, or with the first error of the store or the models;
// what was done until then stays. `report` may be NULL.
bool service_reindex_run(struct service *service, reindex_report *report, void *context,
                         struct error *err);
