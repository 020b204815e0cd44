// The server's insides, for server.c (life cycle) and exchange.c (requests) only.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/bounded_queue.h"
#include "http/connection_watch.h"
#include "http/lingering_close.h"
#include "http/request.h"
#include "http/server.h"

struct MHD_Daemon;

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct bounded_queue *queue;  // of struct http_request, their connections suspended
    struct connection_watch *watch;
    struct lingering_close *lingering;
    pthread_t *handler_threads;
    size_t handler_thread_count;
    uint16_t port;
    uint32_t id_prefix;
    atomic_uint request_count;
    atomic_size_t pending_body_bytes;
    atomic_bool is_draining;  // only instant routes; every answer closes its connection
    atomic_bool is_refusing;  // no new connections; queued requests are answered 503

    pthread_mutex_t mutex;
    pthread_cond_t became_idle;
    size_t active_requests;  // from complete headers to the last byte of the answer
};
