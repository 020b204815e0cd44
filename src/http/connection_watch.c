#define _GNU_SOURCE  // POLLRDHUP

#include "http/connection_watch.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

// Deadlines are seconds; a look at 1000 connections takes about 0.3 ms.
enum { LOOK_INTERVAL_MS = 250 };

struct watched_connection {
    int socket;
    _Atomic int64_t deadline_monotonic_ns;
    bool is_end_told;
    struct watched_connection *previous;
    struct watched_connection *next;
};

struct connection_watch {
    pthread_mutex_t mutex;
    pthread_cond_t stopped;
    pthread_t thread;
    struct watched_connection *first;
    bool is_stopping;
};

static bool peer_has_ended(int socket) {
    struct pollfd look = {.fd = socket, .events = POLLRDHUP};
    return poll(&look, 1, 0) > 0;
}

static void look_over_locked(struct connection_watch *watch) {
    int64_t now = clock_monotonic_ns();
    for (struct watched_connection *c = watch->first; c != NULL; c = c->next) {
        int64_t deadline = atomic_load(&c->deadline_monotonic_ns);
        if (deadline == INT64_MAX) continue;  // complete: a handler has it, or an answer leaves
        if (deadline > now) {
            // libmicrohttpd waits for the next edge after each short read, and so does not see an
            // end that came together with the last bytes. This wakes it and takes nothing away.
            if (!c->is_end_told && peer_has_ended(c->socket)) {
                c->is_end_told = true;
                (void)shutdown(c->socket, SHUT_RD);
            }
            continue;
        }
        // libmicrohttpd sees the end of the stream and closes the connection itself.
        (void)shutdown(c->socket, SHUT_RDWR);
        watched_connection_forgive(c);
    }
}

static void *watch_thread(void *context) {
    struct connection_watch *watch = context;
    pthread_mutex_lock(&watch->mutex);
    while (!watch->is_stopping) {
        look_over_locked(watch);
        int64_t next_ns = clock_monotonic_ns() + (int64_t)LOOK_INTERVAL_MS * 1000000;
        struct timespec next = {.tv_sec = (time_t)(next_ns / 1000000000),
                                .tv_nsec = (long)(next_ns % 1000000000)};
        (void)pthread_cond_timedwait(&watch->stopped, &watch->mutex, &next);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

struct connection_watch *connection_watch_create(struct error *err) {
    struct connection_watch *watch = memory_alloc(sizeof *watch);
    pthread_mutex_init(&watch->mutex, NULL);
    clock_condition_init(&watch->stopped);
    if (pthread_create(&watch->thread, NULL, watch_thread, watch) == 0) return watch;
    error_set(err, ERROR_UNAVAILABLE, "cannot start the thread that watches connections");
    pthread_cond_destroy(&watch->stopped);
    pthread_mutex_destroy(&watch->mutex);
    memory_free(watch);
    return NULL;
}

void connection_watch_destroy(struct connection_watch *watch) {
    if (watch == NULL) return;
    pthread_mutex_lock(&watch->mutex);
    watch->is_stopping = true;
    pthread_cond_signal(&watch->stopped);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->stopped);
    pthread_mutex_destroy(&watch->mutex);
    memory_free(watch);
}

struct watched_connection *connection_watch_add(struct connection_watch *watch, int socket) {
    struct watched_connection *connection = memory_try_zeroed(1, sizeof *connection);
    if (connection == NULL) return NULL;
    connection->socket = socket;
    watched_connection_forgive(connection);
    pthread_mutex_lock(&watch->mutex);
    connection->next = watch->first;
    if (watch->first != NULL) watch->first->previous = connection;
    watch->first = connection;
    pthread_mutex_unlock(&watch->mutex);
    return connection;
}

void connection_watch_remove(struct connection_watch *watch,
                             struct watched_connection *connection) {
    if (connection == NULL) return;
    pthread_mutex_lock(&watch->mutex);
    if (connection->next != NULL) connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        watch->first = connection->next;
    pthread_mutex_unlock(&watch->mutex);
    memory_free(connection);
}

void watched_connection_set_deadline(struct watched_connection *connection, int64_t monotonic_ns) {
    if (connection != NULL) atomic_store(&connection->deadline_monotonic_ns, monotonic_ns);
}

void watched_connection_hurry(struct watched_connection *connection, int64_t monotonic_ns) {
    if (connection != NULL && monotonic_ns < atomic_load(&connection->deadline_monotonic_ns))
        atomic_store(&connection->deadline_monotonic_ns, monotonic_ns);
}

void watched_connection_forgive(struct watched_connection *connection) {
    watched_connection_set_deadline(connection, INT64_MAX);
}
