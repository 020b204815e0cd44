// The threads of a request with many inputs: they share its work out, so that some inputs are
// decoded while others are with the models.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct api;

// A place among the few such requests that are at work at once: each holds a handler thread and
// threads of its own. ERROR_OVERLOADED: all are taken. batch_leave gives it back.
bool batch_enter(struct api *api, struct error *err);
void batch_leave(struct api *api);

// Calls work(context, index) for each index below `count`, in their order, on up to
// api->batch_threads threads, the caller's among them, and returns when all are done. The threads
// are in the caller's trace.
void batch_threads_run(const struct api *api, size_t count,
                       void (*work)(void *context, size_t index), void *context);
