#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "api/api.h"
#include "base/log.h"
#include "base/memory.h"
#include "fake_service.h"

enum { MAX_UPLOAD = 1024 * 1024 };

static struct api api;
static struct http_server *server;

int loopback_setup(void **state) {
    (void)state;
    struct error err = {0};
    fake_service_reset();
    log_configure(LOG_WARNING, LOG_FORMAT_AUTO);  // not every request
    api = (struct api){.store = &fake_store,
                       .ledger = &fake_ledger,
                       .limits = {.per_minute = 60, .per_day = 100, .daily_nano_usd = 2500000000},
                       .version = "1.2.3",
                       .max_upload_bytes = MAX_UPLOAD,
                       .batch_threads = 4};
    api.metrics = metrics_create(&err);
    if (api.metrics == NULL || !api_init(&api, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    struct http_server_options options = {
        .host = "127.0.0.1",
        .routes = api.routes,
        .route_count = api.route_count,
        .context = &api,
        .observer = api_observe,
        .notes_size = API_NOTES_SIZE,
        .event_threads = 1,
        .handler_threads = 2,
        .queue_capacity = 16,
        .connection_limit = 64,
        .idle_timeout_s = 10,
        .request_timeout_s = 10,
        .max_pending_body_bytes = 16 * MAX_UPLOAD,
    };
    server = http_server_create(&options, &err);
    if (server == NULL) print_error("%s\n", err.text);
    return server == NULL ? -1 : 0;
}

int loopback_teardown(void **state) {
    (void)state;
    http_server_destroy(server, 1000);
    api_clear(&api);
    metrics_destroy(api.metrics);
    return 0;
}

void loopback_run_experiment(const struct experiment *experiment) { api.experiment = experiment; }

struct metrics *loopback_metrics(void) {
    return api.metrics;
}

void loopback_stop_work(bool is_stopping) { atomic_store(&api.is_stopping, is_stopping); }

int loopback_reset(void **state) {
    (void)state;
    fake_service_reset();
    loopback_run_experiment(NULL);
    return 0;
}

static void send_all(int connection, const void *bytes, size_t size) {
    const char *next = bytes;
    while (size > 0) {
        ssize_t sent = send(connection, next, size, MSG_NOSIGNAL);
        if (sent <= 0) return;  // refused early; the answer tells why
        next += sent;
        size -= (size_t)sent;
    }
}

static char *receive_all(int connection, size_t *size) {
    enum { ANSWER_MAX = 4 * 1024 * 1024 };
    char *bytes = memory_try(ANSWER_MAX + 1);
    assert_non_null(bytes);
    *size = 0;
    for (;;) {
        ssize_t got = recv(connection, bytes + *size, ANSWER_MAX - *size, 0);
        if (got <= 0) break;
        *size += (size_t)got;
    }
    bytes[*size] = '\0';
    return bytes;
}

struct answer loopback_send(const char *method, const char *target, const char *headers,
                            const void *body, size_t size) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    char head[4096];
    int head_size = snprintf(head, sizeof head,
                             "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                             "%sContent-Length: %zu\r\n\r\n",
                             method, target, headers, size);
    assert_true(head_size > 0 && (size_t)head_size < sizeof head);
    send_all(connection, head, (size_t)head_size);
    send_all(connection, body, size);

    struct answer answer = {0};
    size_t received = 0;
    answer.head = receive_all(connection, &received);
    close(connection);
    char *gap = strstr(answer.head, "\r\n\r\n");
    assert_non_null(gap);
    gap[2] = '\0';
    answer.body = gap + 4;
    answer.size = received - (size_t)(answer.body - answer.head);
    assert_int_equal(sscanf(answer.head, "HTTP/1.1 %d", &answer.status), 1);
    answer.json = json_loadb(answer.body, answer.size, 0, NULL);
    return answer;
}

struct answer loopback_get(const char *target) {
    return loopback_send("GET", target, "", "", 0);
}

void answer_clear(struct answer *answer) {
    memory_free(answer->head);
    json_decref(answer->json);
}

const char *answer_header(const struct answer *answer, const char *name) {
    static char value[1024];
    size_t size = strlen(name);
    for (const char *line = strstr(answer->head, "\r\n"); line != NULL;
         line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, size) != 0 || line[size] != ':') continue;
        (void)sscanf(line + size + 1, " %1023[^\r]", value);
        return value;
    }
    return NULL;
}

const char *answer_text(const struct answer *answer, const char *name) {
    const char *text = json_string_value(json_object_get(answer->json, name));
    return text != NULL ? text : "";
}

void assert_problem(const struct answer *answer, int status) {
    assert_int_equal(answer->status, status);
    assert_string_equal(answer_header(answer, "Content-Type"), "application/problem+json");
    assert_int_equal(json_integer_value(json_object_get(answer->json, "status")), status);
    assert_true(strlen(answer_text(answer, "detail")) > 10);
}
