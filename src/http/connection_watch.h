// Deadlines for connections that send slowly, and an eye on those that hang up. A timeout that
// starts again with every byte does not stop a client that drips them, and libmicrohttpd calls
// nobody while headers arrive; so one thread looks over all connections and shuts those down
// whose request is not complete in time.
//
// A connection is in the list from accept to close; the list's mutex covers both and the look, so
// a descriptor is never shut down after it was closed. Deadlines are atomic, set by event threads.
#pragma once

#include <stdint.h>

#include "base/error.h"

struct connection_watch;
struct watched_connection;

struct connection_watch *connection_watch_create(struct error *err);
// After the last connection was removed.
void connection_watch_destroy(struct connection_watch *watch);

// NULL when memory is out: such a connection is not watched. All functions take NULL for it.
struct watched_connection *connection_watch_add(struct connection_watch *watch, int socket);
void connection_watch_remove(struct connection_watch *watch, struct watched_connection *connection);

void watched_connection_set_deadline(struct watched_connection *connection, int64_t monotonic_ns);
// Moves the deadline only when the new one is sooner.
void watched_connection_hurry(struct watched_connection *connection, int64_t monotonic_ns);
void watched_connection_forgive(struct watched_connection *connection);  // no deadline
