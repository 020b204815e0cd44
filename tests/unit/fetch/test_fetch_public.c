// fetch_public against a server that misbehaves on purpose. So that a server of this machine can
// play the public one, the linker puts our own address_is_public and port_is_public in place:
// 127.0.0.1 counts as public, every other address does not. Names ending in .test are resolved
// here too.
#define _GNU_SOURCE  // RTLD_NEXT
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fetch/fetch.h"

bool __wrap_address_is_public(const struct sockaddr *address);
bool __wrap_port_is_public(long port);

bool __wrap_address_is_public(const struct sockaddr *address) {
    struct sockaddr_in ipv4;
    if (address->sa_family != AF_INET) return false;
    memcpy(&ipv4, address, sizeof ipv4);
    return ntohl(ipv4.sin_addr.s_addr) == INADDR_LOOPBACK;
}
bool __wrap_port_is_public(long port) {
    (void)port;
    return true;
}

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);
static atomic_int rebinding_answers;

// libcurl finds this one before the C library's.
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    resolver *resolve;
    *(void **)&resolve = dlsym(RTLD_NEXT, "getaddrinfo");
    const char *first = name, *second = NULL;
    if (name != NULL && strcmp(name, "public.test") == 0) first = "127.0.0.1";
    if (name != NULL && strcmp(name, "private.test") == 0) first = "127.0.0.2";
    if (name != NULL && strcmp(name, "both.test") == 0) first = "127.0.0.2", second = "127.0.0.1";
    if (name != NULL && strcmp(name, "rebinding.test") == 0)
        first = atomic_fetch_add(&rebinding_answers, 1) == 0 ? "127.0.0.1" : "127.0.0.2";
    int code = resolve(first, service, hints, found);
    if (code != 0 || second == NULL) return code;
    struct addrinfo *last = *found;
    while (last->ai_next != NULL) last = last->ai_next;
    return resolve(second, service, hints, &last->ai_next);
}

struct server {
    int listener;
    int port;
    pthread_t thread;
    atomic_int connections;
    char request[4096];  // the last one
};
static struct server server;
static struct server trap;  // on 127.0.0.2: nothing may ever arrive there

static void send_text(int client, const char *text) {
    (void)!send(client, text, strlen(text), MSG_NOSIGNAL);
}

// Sends the same bytes until the other side has had enough.
static void send_forever(int client, const char *text) {
    while (send(client, text, strlen(text), MSG_NOSIGNAL) > 0) continue;
}

static void answer(struct server *self, int client) {
    char path[256] = "", head[512];
    (void)sscanf(self->request, "GET %255s", path);
    if (strcmp(path, "/picture") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npicture");
    } else if (strcmp(path, "/empty") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/full") == 0) {
        (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n\r\n%0100d", 7);
        send_text(client, head);
    } else if (strcmp(path, "/endless") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\n\r\n");
        send_forever(client, "0123456789abcdef");
    } else if (strcmp(path, "/endless-chunks") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        send_forever(client, "4\r\nabcd\r\n");
    } else if (strcmp(path, "/endless-headers") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\n");
        send_forever(client, "X-Filler: 0123456789abcdef\r\n");
    } else if (strcmp(path, "/announced-too-large") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    } else if (strcmp(path, "/short") == 0) {
        send_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this");
    } else if (strcmp(path, "/gzip") == 0) {
        send_text(client,
                  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nZZZZ");
    } else if (strcmp(path, "/silent") == 0) {
        char nothing;
        (void)!recv(client, &nothing, 1, 0);  // until the client hangs up
    } else if (strcmp(path, "/not-http") == 0) {
        send_text(client, "SSH-2.0-hello\r\n");
    } else if (strcmp(path, "/missing") == 0) {
        send_text(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret");
    } else if (strcmp(path, "/endless-missing") == 0) {
        send_text(client, "HTTP/1.1 404 Not Found\r\n\r\n");
        send_forever(client, "secret");
    } else if (strcmp(path, "/relative") == 0) {
        send_text(client, "HTTP/1.1 302 Found\r\nLocation: /picture\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/nowhere") == 0) {
        send_text(client, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/loop") == 0) {
        send_text(client, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(path, "/to/", 4) == 0) {
        (void)snprintf(head, sizeof head,
                       "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", path + 4);
        send_text(client, head);
    } else {
        send_text(client, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    }
}

static void *serve(void *context) {
    struct server *self = context;
    for (;;) {
        int client = accept(self->listener, NULL, NULL);
        if (client < 0) return NULL;
        atomic_fetch_add(&self->connections, 1);
        ssize_t got = recv(client, self->request, sizeof self->request - 1, 0);
        self->request[got > 0 ? got : 0] = '\0';
        answer(self, client);
        close(client);
    }
}

static void start(struct server *self, const char *host) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(self->listener, 16), 0);
    assert_int_equal(getsockname(self->listener, (struct sockaddr *)&address, &size), 0);
    self->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&self->thread, NULL, serve, self), 0);
}

static void stop(struct server *self) {
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->thread, NULL);
    close(self->listener);
}

static int start_all(void **state) {
    (void)state;
    start(&server, "127.0.0.1");
    start(&trap, "127.0.0.2");
    // Whoever listens to these sends the request to the trap.
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.2:%d", trap.port);
    setenv("http_proxy", proxy, 1);
    setenv("https_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    return fetch_global_init(NULL) ? 0 : -1;
}

static int stop_all(void **state) {
    (void)state;
    stop(&server);
    stop(&trap);
    fetch_global_cleanup();
    return 0;
}

static bool fetch_path(const char *path, struct fetch_answer *answered, struct error *err) {
    struct fetch_limits limits = {
        .max_bytes = 100, .timeout_ms = 1000, .connect_timeout_ms = 500, .max_redirects = 3};
    char url[512];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    *err = (struct error){0};
    return fetch_public(url, &limits, answered, err);
}

static void test_pictures_arrive(void **state) {
    (void)state;
    struct fetch_answer got;
    struct error err;
    assert_true(fetch_path("/picture", &got, &err));
    assert_int_equal(got.status, 200);
    assert_int_equal(got.size, 7);
    assert_memory_equal(got.body, "picture", 7);
    fetch_answer_clear(&got);
    assert_true(fetch_path("/relative", &got, &err));
    assert_memory_equal(got.body, "picture", 7);
    fetch_answer_clear(&got);
    assert_true(fetch_path("/full", &got, &err));
    assert_int_equal(got.size, 100);  // exactly the limit
    fetch_answer_clear(&got);
    assert_true(fetch_path("/empty", &got, &err));
    assert_int_equal(got.size, 0);
    fetch_answer_clear(&got);
    assert_true(fetch_path("/gzip", &got, &err));
    assert_memory_equal(got.body, "ZZZZ", 4);  // handed on as it is, not decompressed
    fetch_answer_clear(&got);
}

static void test_the_request_carries_nothing_of_ours(void **state) {
    (void)state;
    struct fetch_answer got;
    struct error err;
    assert_true(fetch_path("/picture", &got, &err));
    fetch_answer_clear(&got);
    assert_null(strstr(server.request, "Cookie"));
    assert_null(strstr(server.request, "Authorization"));
    assert_null(strstr(server.request, "Accept-Encoding"));
    assert_null(strstr(server.request, "Proxy"));
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *path;
        enum error_kind kind;
        const char *text;
    } table[] = {
        {"/endless", ERROR_TOO_LARGE, "more than the 100 bytes"},
        {"/endless-chunks", ERROR_TOO_LARGE, "more than the 100 bytes"},
        {"/announced-too-large", ERROR_TOO_LARGE, "more than the 100 bytes"},
        {"/endless-headers", ERROR_UPSTREAM, "not proper HTTP"},
        {"/short", ERROR_UPSTREAM, "broke off"},
        {"/silent", ERROR_TIMEOUT, "too long"},
        {"/not-http", ERROR_UPSTREAM, "not proper HTTP"},
        {"/missing", ERROR_UPSTREAM, "status 404"},
        {"/endless-missing", ERROR_UPSTREAM, "status 404"},
        {"/other", ERROR_UPSTREAM, "status 500"},
        {"/nowhere", ERROR_UPSTREAM, "redirects to nowhere"},
        {"/loop", ERROR_UPSTREAM, "more than 3 times"},
        {"/to/file:///etc/hostname", ERROR_INVALID, "redirects to an address"},
        {"/to/gopher://127.0.0.1/", ERROR_INVALID, "redirects to an address"},
        {"/to/http://u:p@127.0.0.1/", ERROR_INVALID, "redirects to an address"},
        {"/to/http://[::1]/", ERROR_INVALID, "redirects to an address"},
        {"/to/http://169.254.169.254/", ERROR_INVALID, "redirects to an address"},
        {"/to/http://localhost/", ERROR_INVALID, "redirects to an address"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fetch_answer got;
        struct error err;
        int64_t started = clock_monotonic_ns();
        if (fetch_path(table[i].path, &got, &err)) fail_msg("%s was accepted", table[i].path);
        assert_null(got.body);
        if (err.kind != table[i].kind || strstr(err.text, table[i].text) == NULL)
            fail_msg("%s: kind %d, \"%s\"", table[i].path, (int)err.kind, err.text);
        assert_null(strstr(err.text, "secret"));
        assert_true(clock_ms_since(started) < 1900);
    }
}

static void test_private_addresses_are_never_called(void **state) {
    (void)state;
    struct fetch_answer got;
    struct error err;
    char path[128];
    (void)snprintf(path, sizeof path, "/to/http://127.0.0.2:%d/picture", trap.port);
    assert_false(fetch_path(path, &got, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    // Proxies of the environment pointed there all the while.
    assert_int_equal(atomic_load(&trap.connections), 0);
    assert_true(atomic_load(&server.connections) > 0);
}

static bool fetch_name(const char *host, int port, struct error *err) {
    struct fetch_limits limits = {.max_bytes = 100, .timeout_ms = 3000, .connect_timeout_ms = 3000};
    char url[128];
    (void)snprintf(url, sizeof url, "http://%s:%d/picture", host, port);
    struct fetch_answer got;
    *err = (struct error){0};
    bool is_done = fetch_public(url, &limits, &got, err);
    fetch_answer_clear(&got);
    return is_done;
}

// A name is judged by what it resolves to when the socket is opened.
static void test_names_are_judged_when_they_are_called(void **state) {
    (void)state;
    struct error err;
    assert_true(fetch_name("public.test", server.port, &err));
    assert_false(fetch_name("private.test", trap.port, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "private or local network"));
    assert_null(strstr(err.text, "127.0.0.2"));
    // Of a public and a private address only the public one is called.
    assert_true(fetch_name("both.test", server.port, &err));
    assert_int_equal(atomic_load(&trap.connections), 0);
    // A name that leads home only the second time it is asked for.
    atomic_store(&rebinding_answers, 0);
    assert_true(fetch_name("rebinding.test", server.port, &err));
    assert_false(fetch_name("rebinding.test", trap.port, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(atomic_load(&trap.connections), 0);
}

static void test_allowing_private(void **state) {
    (void)state;
    struct fetch_limits limits = {
        .max_bytes = 100, .timeout_ms = 1000, .connect_timeout_ms = 500, .allows_private = true};
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.2:%d/picture", trap.port);
    struct fetch_answer got;
    struct error err = {0};
    assert_true(fetch_public(url, &limits, &got, &err));
    assert_int_equal(got.size, 7);
    fetch_answer_clear(&got);
    assert_null(strstr(trap.request, "Proxy"));
    assert_non_null(strstr(trap.request, "GET /picture "));
    atomic_store(&trap.connections, 0);
}

static void test_nobody_listens(void **state) {
    (void)state;
    struct fetch_limits limits = {.max_bytes = 100, .timeout_ms = 1000, .connect_timeout_ms = 500};
    struct fetch_answer got;
    struct error err = {0};
    assert_false(fetch_public("http://127.0.0.1:9/", &limits, &got, &err));
    assert_int_equal(err.kind, ERROR_UPSTREAM);
    assert_non_null(strstr(err.text, "does not accept connections"));
    err = (struct error){0};
    assert_false(fetch_public("http://no-such-host.invalid/", &limits, &got, &err));
    assert_true(err.kind == ERROR_UPSTREAM || err.kind == ERROR_TIMEOUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_arrive),
        cmocka_unit_test(test_the_request_carries_nothing_of_ours),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_private_addresses_are_never_called),
        cmocka_unit_test(test_names_are_judged_when_they_are_called),
        cmocka_unit_test(test_allowing_private),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
