// Server-sent events over real connections: order, coming back, slow readers, stopping.
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/event_stream.h"
#include "http/server.h"

enum { STREAMS_MAX = 8, TEXT_SIZE = 1 << 16, RING_EVENTS = 1024 };

static struct event_hub *hub;
static struct http_server *server;

static void follow(struct http_request *request, struct http_response *response, void *context) {
    (void)context;
    struct error err = {0};
    if (!http_response_set_events(response, hub, http_request_header(request, "Last-Event-ID"),
                                  &err))
        http_response_set_error(response, &err);
}

static int setup(void **state) {
    (void)state;
    static const struct http_route routes[] = {{"GET", "/events", follow, true, 0}};
    struct error err = {0};
    hub = event_hub_create(STREAMS_MAX, &err);
    assert_non_null(hub);
    server = http_server_create(&(struct http_server_options){.host = "127.0.0.1",
                                                              .routes = routes,
                                                              .route_count = 1,
                                                              .events = hub,
                                                              .event_threads = 2,
                                                              .handler_threads = 1,
                                                              .queue_capacity = 1,
                                                              .connection_limit = 100,
                                                              .idle_timeout_s = 30,
                                                              .request_timeout_s = 10,
                                                              .max_pending_body_bytes = 1024},
                                &err);
    if (server == NULL) fail_msg("%s", err.text);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (server != NULL) http_server_destroy(server, 5000);
    event_hub_destroy(hub);
    return 0;
}

static int follow_from(const char *last_id) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(client, (const struct sockaddr *)&address, sizeof address), 0);
    char request[256];
    int size = snprintf(request, sizeof request, "GET /events HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n",
                        last_id == NULL ? "" : "Last-Event-ID: ", last_id == NULL ? "" : last_id,
                        last_id == NULL ? "" : "\r\n");
    assert_int_equal(send(client, request, (size_t)size, MSG_NOSIGNAL), size);
    return client;
}

// Reads on until the text has these words; the text is then all that was read.
static void read_until(int client, char text[static TEXT_SIZE], const char *words) {
    size_t used = strlen(text);
    while (strstr(text, words) == NULL) {
        struct pollfd look = {.fd = client, .events = POLLIN};
        if (poll(&look, 1, 5000) != 1) fail_msg("no \"%s\" in \"%s\"", words, text);
        ssize_t got = recv(client, text + used, TEXT_SIZE - 1 - used, 0);
        if (got <= 0) fail_msg("the stream ended without \"%s\": \"%s\"", words, text);
        used += (size_t)got;
        text[used] = '\0';
    }
}

static void publish(const char *data) { event_hub_publish(hub, "job", data, strlen(data)); }

static void wait_for_streams(size_t count) {
    for (int i = 0; i < 5000 && event_hub_stream_count(hub) != count; i++) (void)usleep(1000);
    assert_int_equal(event_hub_stream_count(hub), count);
}

// The id of the event with this data.
static void find_id(const char *text, const char *data, char id[static 64]) {
    const char *end = strstr(text, data);
    assert_non_null(end);
    const char *start = NULL;
    for (const char *at = text; (at = strstr(at, "id: ")) != NULL && at < end; at++) start = at + 4;
    assert_non_null(start);
    (void)snprintf(id, 64, "%.*s", (int)strcspn(start, "\n"), start);
}

static void test_events_come_in_order_to_all(void **state) {
    (void)state;
    int clients[3];
    publish("before");
    for (int i = 0; i < 3; i++) clients[i] = follow_from(NULL);
    wait_for_streams(3);
    publish("{\"n\":1}");
    publish("{\"n\":2}");
    for (int i = 0; i < 3; i++) {
        char text[TEXT_SIZE] = "";
        read_until(clients[i], text, "{\"n\":2}\n\n");
        assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
        assert_non_null(strstr(text, "text/event-stream"));
        assert_non_null(strstr(text, "no-store"));
        assert_non_null(strstr(text, "retry: 2000\n\n"));
        assert_non_null(strstr(text, "event: job\ndata: {\"n\":1}\n\n"));
        assert_true(strstr(text, "{\"n\":1}") < strstr(text, "{\"n\":2}"));
        assert_null(strstr(text, "before"));
        (void)close(clients[i]);
    }
}

static void test_who_comes_back_goes_on(void **state) {
    (void)state;
    char text[TEXT_SIZE] = "", id[64];
    int client = follow_from(NULL);
    wait_for_streams(1);
    publish("first");
    read_until(client, text, "first\n\n");
    find_id(text, "first", id);
    (void)close(client);
    publish("second");
    publish("third");
    text[0] = '\0';
    client = follow_from(id);
    read_until(client, text, "third\n\n");
    assert_non_null(strstr(text, "data: second"));
    assert_null(strstr(text, "data: first"));
    assert_null(strstr(text, "reset"));
    (void)close(client);
}

static void test_who_missed_something_is_told(void **state) {
    (void)state;
    char text[TEXT_SIZE] = "", id[64];
    int client = follow_from(NULL);
    wait_for_streams(1);
    publish("first");
    read_until(client, text, "first\n\n");
    find_id(text, "first", id);
    (void)close(client);
    for (int i = 0; i < RING_EVENTS + 1; i++) publish("more");
    const char *ids[] = {id, "00000000-0", "nonsense", "ffffffff-99999999999999999999"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        text[0] = '\0';
        client = follow_from(ids[i]);
        read_until(client, text, "event: reset\ndata: {}\n\n");
        publish("after");
        read_until(client, text, "after\n\n");
        assert_null(strstr(text, "data: more"));
        (void)close(client);
    }
}

// A client that does not read holds up nobody, and neither loses the others' events nor memory.
static void test_a_client_that_does_not_read(void **state) {
    (void)state;
    static char block[8192];
    int idle = follow_from(NULL), client = follow_from(NULL);
    wait_for_streams(2);
    memset(block, 'x', sizeof block - 1);
    char text[TEXT_SIZE] = "";
    read_until(client, text, "retry");
    int64_t started = clock_monotonic_ns();
    for (int i = 0; i < 4000; i++) publish(block);
    assert_true(clock_ms_since(started) < 5000);
    (void)close(client);
    (void)close(idle);
}

static void test_only_so_many_may_follow(void **state) {
    (void)state;
    int clients[STREAMS_MAX + 1];
    for (int i = 0; i < STREAMS_MAX; i++) clients[i] = follow_from(NULL);
    wait_for_streams(STREAMS_MAX);
    char text[TEXT_SIZE] = "";
    clients[STREAMS_MAX] = follow_from(NULL);
    read_until(clients[STREAMS_MAX], text, "}");
    assert_non_null(strstr(text, "HTTP/1.1 503"));
    assert_non_null(strstr(text, "Retry-After: "));
    (void)close(clients[0]);
    // That it has left is found at the next thing sent to it; twice, as the first may be in flight.
    for (int i = 0; i < 100 && event_hub_stream_count(hub) == STREAMS_MAX; i++) {
        publish("x");
        (void)usleep(10000);
    }
    wait_for_streams(STREAMS_MAX - 1);
    for (int i = 1; i <= STREAMS_MAX; i++) (void)close(clients[i]);
}

static void test_stopping_ends_streams_at_once(void **state) {
    (void)state;
    int client = follow_from(NULL);
    wait_for_streams(1);
    char text[TEXT_SIZE] = "";
    read_until(client, text, "retry");
    int64_t started = clock_monotonic_ns();
    http_server_destroy(server, 30000);
    server = NULL;
    assert_true(clock_ms_since(started) < 5000);
    assert_int_equal(event_hub_stream_count(hub), 0);
    read_until(client, text, "0\r\n\r\n");  // it ended, and was not cut off
    (void)close(client);
}

static void *publish_many(void *context) {
    (void)context;
    for (int i = 0; i < 500; i++) publish("busy");
    return NULL;
}

static void test_many_publish_while_clients_come_and_go(void **state) {
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, publish_many, NULL), 0);
    for (int i = 0; i < 50; i++) {
        char text[TEXT_SIZE] = "";
        int client = follow_from(NULL);
        read_until(client, text, "\r\n\r\n");  // followed, or refused while others leave
        (void)close(client);
    }
    for (int i = 0; i < 4; i++) (void)pthread_join(threads[i], NULL);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_events_come_in_order_to_all),
        WITH_SERVER(test_who_comes_back_goes_on),
        WITH_SERVER(test_who_missed_something_is_told),
        WITH_SERVER(test_a_client_that_does_not_read),
        WITH_SERVER(test_only_so_many_may_follow),
        WITH_SERVER(test_stopping_ends_streams_at_once),
        WITH_SERVER(test_many_publish_while_clients_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
