// Server-sent events: one hub of events, any number of clients that follow it (GET with
// text/event-stream, as browsers' EventSource reads it).
//
// The hub keeps the last events in a ring. A client is only a place in it, so one that reads slowly
// or comes back with Last-Event-ID costs no memory of its own; one that is too far behind is sent
// the event `reset`: it has missed something and must look for itself. Threads: events are
// published on any; streams are read on event threads, which never wait for them.
#pragma once

#include <stddef.h>

#include "base/error.h"

struct http_response;
struct event_hub;

// Errors: ERROR_UNAVAILABLE (no thread for the heartbeat).
struct event_hub *event_hub_create(size_t streams_max, struct error *err);
// After the server of its streams. Takes NULL.
void event_hub_destroy(struct event_hub *hub);
// `type` is a literal without line ends; `data` is copied and must be one line, like compact JSON.
// Left out when memory is out: those who follow are then sent `reset`.
void event_hub_publish(struct event_hub *hub, const char *type, const char *data, size_t size);
size_t event_hub_stream_count(struct event_hub *hub);

// Answers with the stream of what is published from now on, or after `last_id`, an event's id as
// the client had it (NULL: none). ERROR_OVERLOADED: too many follow; ERROR_UNAVAILABLE: stopping.
bool http_response_set_events(struct http_response *response, struct event_hub *hub,
                              const char *last_id, struct error *err);
// Ends every stream; no new ones. The server calls it before it drains.
void event_hub_close(struct event_hub *hub);
