// The HTTP API: endpoints that turn requests into calls of the service and its answers into JSON.
// One table (routes.c) lists every endpoint; the server's routes, the OpenAPI document and the
// page at /docs are derived from it.
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "cloud/cloud.h"
#include "engine/engine.h"
#include "http/server.h"
#include "observe/metrics.h"
#include "service/jobs.h"
#include "service/service.h"
#include "store/store.h"

struct api {
    // Borrowed; set by the owner before api_init and alive until after api_clear.
    struct service *service;
    struct engine *engine;
    struct store *store;
    struct metrics *metrics;
    struct cloud *cloud;                  // NULL: every caption is local
    struct ledger *ledger;                // of what the cloud costs
    struct ledger_limits limits;          // what it may cost
    const struct experiment *experiment;  // that runs; NULL: none
    struct relevance *relevance;          // NULL: search results have none
    struct jobs *jobs;                    // NULL: another server keeps them
    struct event_hub *events;
    const char *version;
    size_t max_upload_bytes;
    size_t batch_threads;  // that share out the pictures of one batch

    _Atomic(struct http_server *) http;  // set by the owner once it listens; NULL until then

    // Made by api_init. `routes` is for http_server_options, with the struct api as context.
    struct http_route *routes;
    size_t route_count;
    char *openapi_document;  // JSON, with its size
    size_t openapi_size;
    int64_t started_ns;  // monotonic
    atomic_int running_batches;
    atomic_bool is_stopping;
};

enum { API_NOTES_SIZE = 1024 };

bool api_init(struct api *api, struct error *err);
void api_clear(struct api *api);
// The server is going to stop: batches under way answer what they have not begun with a 503.
void api_stop(struct api *api);

// The http_observer that feeds the request metrics, the log and the traces; its context is a struct
// api, and the requests have API_NOTES_SIZE bytes of notes.
void api_observe(void *context, const struct http_observation *observation);
