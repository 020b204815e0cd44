// A real server on a free loopback port with a few routes, and a client on a raw socket.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

enum { FIXTURE_BODY_MAX = 1000, FIXTURE_PENDING_MAX = 1024 * 1024 };

// The routes: GET and POST /echo, GET /items/{id}/content, GET /instant, GET /slow (waits until
// fixture_release), POST /form, GET /error, GET /headers, GET /large.
struct fixture {
    struct http_server *server;
    atomic_int slow_running;    // handlers inside /slow
    atomic_bool slow_released;  // lets them go on
    atomic_int observed;
    atomic_int last_status;
    atomic_int last_us;         // microseconds of the observed request
    atomic_int last_accept_us;  // and until its handler began; negative: none did
};

struct fixture_sizes {
    size_t event_threads, handler_threads, queue_capacity, connection_limit;
    unsigned idle_timeout_s, request_timeout_s;
};
#define FIXTURE_SIZES                                                                       \
    .event_threads = 2, .handler_threads = 2, .queue_capacity = 2, .connection_limit = 400, \
    .idle_timeout_s = 5, .request_timeout_s = 10

void fixture_start(struct fixture *fixture, const struct fixture_sizes *sizes);
void fixture_stop(struct fixture *fixture, int drain_timeout_ms);
void fixture_release(struct fixture *fixture);
bool fixture_wait_slow(struct fixture *fixture, int count);  // until so many run; false: 5 s passed

int client_connect(const struct fixture *fixture);
void client_connect_socket(const struct fixture *fixture, int socket);
void client_send(int socket, const void *bytes, size_t size);
void client_send_text(int socket, const char *text);
// Reads until the peer closes or `milliseconds` pass without a byte. NUL-terminated, freed by the
// caller with memory_free. *is_closed may be NULL.
char *client_read_all(int socket, int milliseconds, bool *is_closed);
// One answer by its Content-Length (none expected after HEAD); NULL when the peer closed first.
char *client_read_answer(int socket);
// Connects, sends, reads one answer, closes.
char *client_exchange(const struct fixture *fixture, const char *request);
int answer_status(const char *answer);  // 0: none
const char *answer_body(const char *answer);
