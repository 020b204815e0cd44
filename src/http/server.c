#include "http/server.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/event_stream.h"
#include "http/exchange.h"
#include "http/listener.h"
#include "http/server_private.h"

// Since libmicrohttpd 0.9.77 the library refuses what RFC 9112 refuses, at level 1. Before, that
// option adds nothing that admission.c does not do, and answers with its headers twice.
#if MHD_VERSION >= 0x00097701
#define STRICTNESS_OPTION MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define STRICTNESS_OPTION MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

enum {
    CONNECTION_MEMORY_BYTES = 32 * 1024,  // bounds all headers of a request: 414 or 431
    HANDLER_STACK_BYTES = 1024 * 1024,    // picture decoders run there
    FLUSH_TIMEOUT_MS = 500,               // for answers given at the last moment
};

__attribute__((format(printf, 2, 0))) static void log_library(void *context, const char *format,
                                                              va_list arguments) {
    (void)context;
    char message[512];
    int length = vsnprintf(message, sizeof message, format, arguments);
    if (length > 0 && (size_t)length < sizeof message && message[length - 1] == '\n')
        message[length - 1] = '\0';
    log_debug("libmicrohttpd: %s", message);
}

// target.c decodes, after splitting; decoded here, an encoded slash would look like a real one.
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

static void *handler_thread(void *context) {
    struct http_server *server = context;
    for (;;) {
        struct http_request *request = bounded_queue_pop(server->queue);
        if (request == NULL) return NULL;
        exchange_handle(server, request);
    }
}

static bool start_handler_threads(struct http_server *server, struct error *err) {
    server->handler_threads =
        memory_try_zeroed(server->options.handler_threads, sizeof *server->handler_threads);
    if (server->handler_threads == NULL)
        return error_set(err, ERROR_UNAVAILABLE, "out of memory for the handler threads");
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HANDLER_STACK_BYTES);
    bool is_done = true;
    while (is_done && server->handler_thread_count < server->options.handler_threads) {
        pthread_t *thread = &server->handler_threads[server->handler_thread_count];
        is_done = pthread_create(thread, &attributes, handler_thread, server) == 0;
        if (is_done) server->handler_thread_count++;
    }
    pthread_attr_destroy(&attributes);
    if (!is_done)
        error_set(err, ERROR_UNAVAILABLE,
                  "cannot start %zu handler threads; ask for fewer or raise the limit of processes",
                  server->options.handler_threads);
    return is_done;
}

static bool start_daemon(struct http_server *server, struct error *err) {
    const struct http_server_options *options = &server->options;
    int socket_fd = listener_open(options->host, options->port, &server->port, err);
    if (socket_fd < 0) return false;
    // A pool of one is spelled 0.
    unsigned pool_size = options->event_threads > 1 ? (unsigned)options->event_threads : 0;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, exchange_accept_connection, server, exchange_proceed, server, MHD_OPTION_EXTERNAL_LOGGER,
        log_library, NULL, MHD_OPTION_LISTEN_SOCKET, socket_fd, STRICTNESS_OPTION,
        MHD_OPTION_THREAD_POOL_SIZE, pool_size, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)options->connection_limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
        MHD_OPTION_NOTIFY_CONNECTION, exchange_note_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_end, server, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
    if (server->daemon != NULL) return true;
    return error_set(err, ERROR_UNAVAILABLE,
                     "cannot start the HTTP server with %zu event threads and %zu connections; ask "
                     "for fewer or raise the limit of open files",
                     options->event_threads, options->connection_limit);
}

struct http_server *http_server_create(const struct http_server_options *options,
                                       struct error *err) {
    struct http_server *server = memory_alloc(sizeof *server);
    server->options = *options;
    if (getrandom(&server->id_prefix, sizeof server->id_prefix, GRND_NONBLOCK) < 0)
        server->id_prefix = (uint32_t)clock_utc_ms();
    pthread_mutex_init(&server->mutex, NULL);
    clock_condition_init(&server->became_idle);

    server->queue = bounded_queue_create(options->queue_capacity, err);
    if (server->queue == NULL) goto failed;
    server->watch = connection_watch_create(err);
    if (server->watch == NULL) goto failed;
    server->lingering = lingering_close_create(err);
    if (server->lingering == NULL) goto failed;
    if (!start_handler_threads(server, err)) goto failed;
    if (!start_daemon(server, err)) goto failed;
    return server;
failed:
    http_server_destroy(server, 0);
    return NULL;
}

uint16_t http_server_port(const struct http_server *server) { return server->port; }

size_t http_server_active_requests(struct http_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->active_requests;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t http_server_queue_depth(struct http_server *server) {
    return bounded_queue_depth(server->queue);
}

static void wait_until_idle(struct http_server *server, int timeout_ms) {
    int64_t deadline_ns = clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                .tv_nsec = (long)(deadline_ns % 1000000000)};
    pthread_mutex_lock(&server->mutex);
    while (server->active_requests > 0)
        if (pthread_cond_timedwait(&server->became_idle, &server->mutex, &deadline) != 0) break;
    pthread_mutex_unlock(&server->mutex);
}

void http_server_destroy(struct http_server *server, int drain_timeout_ms) {
    if (server == NULL) return;
    atomic_store(&server->is_draining, true);
    // Streams are suspended connections that end only now.
    if (server->options.events != NULL) event_hub_close(server->options.events);
    if (server->daemon != NULL) wait_until_idle(server, drain_timeout_ms);
    // What still waits is answered 503; what runs is waited for. After that no connection is
    // suspended, which MHD_stop_daemon demands.
    atomic_store(&server->is_refusing, true);
    if (server->queue != NULL) bounded_queue_close(server->queue);
    for (size_t i = 0; i < server->handler_thread_count; i++)
        pthread_join(server->handler_threads[i], NULL);
    if (server->daemon != NULL) {
        wait_until_idle(server, FLUSH_TIMEOUT_MS);
        MHD_stop_daemon(server->daemon);
    }
    lingering_close_destroy(server->lingering);
    connection_watch_destroy(server->watch);
    bounded_queue_destroy(server->queue);
    memory_free(server->handler_threads);
    pthread_cond_destroy(&server->became_idle);
    pthread_mutex_destroy(&server->mutex);
    memory_free(server);
}
