#define _GNU_SOURCE  // strcasestr

#include "http_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/byte_buffer.h"
#include "base/clock.h"

enum { ANSWER_MAX = 8 * 1024 * 1024, WAIT_MS = 5000 };

static void answer_text(struct http_response *response, const char *text, size_t size) {
    char *copy = memory_try(size == 0 ? 1 : size);
    memcpy(copy, text, size);
    http_response_take_body(response, "text/plain", copy, size);
}

static void handle_echo(struct http_request *request, struct http_response *response,
                        void *context) {
    (void)context;
    size_t size;
    const unsigned char *body = http_request_body(request, &size);
    const char *query = http_request_query(request, "q");
    if (size > 0)
        answer_text(response, (const char *)body, size);
    else if (query != NULL)
        answer_text(response, query, strlen(query));
    else
        answer_text(response, http_request_media_type(request),
                    strlen(http_request_media_type(request)));
}

static void handle_item(struct http_request *request, struct http_response *response,
                        void *context) {
    (void)context;
    const char *id = http_request_path_parameter(request, 0);
    answer_text(response, id, strlen(id));
}

static void handle_instant(struct http_request *request, struct http_response *response,
                           void *context) {
    (void)request;
    (void)context;
    http_response_set_static_body(response, "text/plain", "instant", strlen("instant"));
}

static void handle_slow(struct http_request *request, struct http_response *response,
                        void *context) {
    (void)request;
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->slow_running, 1);
    while (!atomic_load(&fixture->slow_released)) (void)usleep(1000);
    atomic_fetch_sub(&fixture->slow_running, 1);
    answer_text(response, "slow", strlen("slow"));
}

static void handle_form(struct http_request *request, struct http_response *response,
                        void *context) {
    (void)context;
    struct error err = {0};
    size_t count;
    const struct http_part *parts = http_request_parts(request, &count, &err);
    if (parts == NULL) {
        http_response_set_error(response, &err);
        return;
    }
    struct byte_buffer text;
    byte_buffer_init(&text, 4096);
    for (size_t i = 0; i < count; i++)
        byte_buffer_append_format(&text, "%s|%s|%s|%.*s\n", parts[i].name,
                                  parts[i].file_name == NULL ? "-" : parts[i].file_name,
                                  parts[i].content_type == NULL ? "-" : parts[i].content_type,
                                  (int)parts[i].size, (const char *)parts[i].bytes);
    size_t size = 0;
    char *bytes = byte_buffer_take(&text, &size);
    http_response_take_body(response, "text/plain", bytes, size);
}

static void handle_error(struct http_request *request, struct http_response *response,
                         void *context) {
    (void)context;
    struct error err = {0};
    const char *detail = http_request_query(request, "detail");
    error_set(&err, ERROR_INVALID, "%s", detail == NULL ? "a \"quoted\" \xff byte\n" : detail);
    http_response_set_error(response, &err);
}

static void handle_headers(struct http_request *request, struct http_response *response,
                           void *context) {
    (void)request;
    (void)context;
    http_response_add_header(response, "X-Good", "kept");
    http_response_add_header(response, "X-Bad", "split\r\nSet-Cookie: a=b");
    http_response_set_status(response, 204);
}

static void handle_large(struct http_request *request, struct http_response *response,
                         void *context) {
    (void)request;
    (void)context;
    size_t size = 4 * 1024 * 1024;
    char *body = memory_try(size);
    memset(body, 'x', size);
    http_response_take_body(response, "application/octet-stream", body, size);
}

static const struct http_route routes[] = {
    {"GET", "/", handle_instant, true, 0},
    {"GET", "/echo", handle_echo, false, 0},
    {"POST", "/echo", handle_echo, false, FIXTURE_BODY_MAX},
    {"GET", "/items/{id}/content", handle_item, false, 0},
    {"POST", "/items/all/content", handle_echo, false, 0},
    {"GET", "/instant", handle_instant, true, 0},
    {"GET", "/slow", handle_slow, false, 0},
    {"POST", "/slow", handle_slow, false, FIXTURE_BODY_MAX},
    {"POST", "/form", handle_form, false, 64 * 1024},
    {"POST", "/bulk", handle_echo, false, 8 * FIXTURE_PENDING_MAX},
    {"GET", "/error", handle_error, false, 0},
    {"GET", "/headers", handle_headers, true, 0},
    {"GET", "/large", handle_large, false, 0},
};

static void observe(void *context, const struct http_observation *observation) {
    struct fixture *fixture = context;
    atomic_store(&fixture->last_status, observation->status);
    atomic_store(&fixture->last_accept_us, (int)(observation->accept_seconds * 1e6));
    atomic_store(&fixture->last_us, (int)(observation->seconds * 1e6));
    atomic_fetch_add(&fixture->observed, 1);
}

void fixture_start(struct fixture *fixture, const struct fixture_sizes *sizes) {
    memset(fixture, 0, sizeof *fixture);
    struct http_server_options options = {
        .host = "127.0.0.1",
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .context = fixture,
        .observer = observe,
        .event_threads = sizes->event_threads,
        .handler_threads = sizes->handler_threads,
        .queue_capacity = sizes->queue_capacity,
        .connection_limit = sizes->connection_limit,
        .idle_timeout_s = sizes->idle_timeout_s,
        .request_timeout_s = sizes->request_timeout_s,
        .max_pending_body_bytes = FIXTURE_PENDING_MAX,
    };
    struct error err = {0};
    fixture->server = http_server_create(&options, &err);
    if (fixture->server == NULL) fail_msg("server: %s", err.text);
}

void fixture_stop(struct fixture *fixture, int drain_timeout_ms) {
    http_server_destroy(fixture->server, drain_timeout_ms);
    fixture->server = NULL;
}

void fixture_release(struct fixture *fixture) { atomic_store(&fixture->slow_released, true); }

bool fixture_wait_slow(struct fixture *fixture, int count) {
    int64_t started = clock_monotonic_ns();
    while (atomic_load(&fixture->slow_running) < count) {
        if (clock_ms_since(started) > WAIT_MS) return false;
        (void)usleep(1000);
    }
    return true;
}

int client_connect(const struct fixture *fixture) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    client_connect_socket(fixture, fd);
    return fd;
}

void client_connect_socket(const struct fixture *fixture, int fd) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("connect: %s", strerror(errno));
}

void client_send(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0) return;  // the server may hang up on purpose; the answer tells
        at += sent;
        size -= (size_t)sent;
    }
}

void client_send_text(int fd, const char *text) { client_send(fd, text, strlen(text)); }

// Bytes read; 0 at the end of the stream, -1 after `milliseconds` without any.
static ssize_t read_some(int fd, char *bytes, size_t size, int milliseconds) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, milliseconds) <= 0) return -1;
    ssize_t got = recv(fd, bytes, size, 0);
    return got < 0 ? 0 : got;  // a reset is an end too
}

char *client_read_all(int fd, int milliseconds, bool *is_closed) {
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ANSWER_MAX);
    char piece[4096];
    ssize_t got;
    while ((got = read_some(fd, piece, sizeof piece, milliseconds)) > 0)
        assert_true(byte_buffer_append(&buffer, piece, (size_t)got));
    if (is_closed != NULL) *is_closed = got == 0;
    byte_buffer_append(&buffer, "", 0);
    size_t size;
    char *text = byte_buffer_take(&buffer, &size);
    return text == NULL ? memory_copy_text("") : text;
}

char *client_read_answer(int fd) {
    struct byte_buffer buffer;
    byte_buffer_init(&buffer, ANSWER_MAX);
    const char *head_end = NULL;
    size_t wanted = SIZE_MAX;
    while (buffer.size < wanted) {
        // Never beyond this answer: the next may be pipelined behind it.
        char piece[4096];
        size_t room = head_end == NULL ? 1 : wanted - buffer.size;
        if (room > sizeof piece) room = sizeof piece;
        ssize_t got = read_some(fd, piece, room, WAIT_MS);
        if (got <= 0) {
            byte_buffer_clear(&buffer);
            return NULL;
        }
        assert_true(byte_buffer_append(&buffer, piece, (size_t)got));
        if (head_end != NULL || (head_end = strstr(buffer.bytes, "\r\n\r\n")) == NULL) continue;
        const char *length = strcasestr(buffer.bytes, "\r\nContent-Length:");
        wanted = (size_t)(head_end - buffer.bytes) + 4;
        if (length != NULL && length < head_end) wanted += strtoul(length + 17, NULL, 10);
    }
    size_t size;
    return byte_buffer_take(&buffer, &size);
}

char *client_exchange(const struct fixture *fixture, const char *request) {
    int fd = client_connect(fixture);
    client_send_text(fd, request);
    char *answer = client_read_answer(fd);
    (void)close(fd);
    return answer == NULL ? memory_copy_text("") : answer;
}

int answer_status(const char *answer) {
    return answer == NULL || strncmp(answer, "HTTP/1.1 ", 9) != 0
               ? 0
               : (int)strtol(answer + 9, NULL, 10);
}

const char *answer_body(const char *answer) {
    const char *end = answer == NULL ? NULL : strstr(answer, "\r\n\r\n");
    return end == NULL ? "" : end + 4;
}
