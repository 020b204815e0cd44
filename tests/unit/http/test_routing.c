// Routes, methods, decoding, headers, error bodies: through a real server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "http_fixture.h"

static struct fixture fixture;

static int start(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_stop(&fixture, 1000);
    return 0;
}

static char *get(const char *method, const char *target) {
    char request[1024];
    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, target);
    int fd = client_connect(&fixture);
    client_send_text(fd, request);
    char *answer = client_read_all(fd, 5000, NULL);
    (void)close(fd);
    return answer;
}

static void expect(const char *method, const char *target, int status, const char *body) {
    char *answer = get(method, target);
    if (answer_status(answer) != status)
        fail_msg("%s %s: expected %d, got: %s", method, target, status, answer);
    if (body != NULL && strcmp(answer_body(answer), body) != 0)
        fail_msg("%s %s: expected body '%s', got: %s", method, target, body, answer);
    memory_free(answer);
}

static void test_paths(void **state) {
    (void)state;
    expect("GET", "/instant", 200, "instant");
    expect("GET", "/instant/", 200, "instant");
    expect("GET", "/", 200, "instant");
    expect("GET", "/items/42/content", 200, "42");
    expect("GET", "/items/a%20b%2Fc/content", 200, "a b/c");
    expect("GET", "/items/%e6%97%a5/content", 200, "\xe6\x97\xa5");
    expect("GET", "http://elsewhere:99/instant?x=1", 200, "instant");
    expect("GET", "/%69nstant", 200, "instant");
    expect("GET", "/nothing", 404, NULL);
    expect("GET", "/instant/more", 404, NULL);
    expect("GET", "/items", 404, NULL);
    expect("GET", "/items//content", 404, NULL);
    expect("GET", "//instant//", 404, NULL);
    expect("GET", "/a/b/c/d/e/f/g/h/i/j", 404, NULL);
    expect("GET", "/items/..%2f..%2fetc/content", 200, "../../etc");
    expect("GET", "/items/%zz/content", 400, NULL);
    expect("GET", "/items/%4/content", 400, NULL);
    expect("GET", "/items/a%00b/content", 400, NULL);
    expect("GET", "/items/%ff/content", 400, NULL);
    expect("OPTIONS", "*", 400, NULL);
}

static void test_query(void **state) {
    (void)state;
    expect("GET", "/echo?q=a+red%20car%2B", 200, "a red car+");
    expect("GET", "/echo?x=1&q=one&q=two", 200, "one");
    expect("GET", "/echo?q", 200, "");
    expect("GET", "/echo?q=", 200, "");
    expect("GET", "/echo?q=a=b%26c", 200, "a=b&c");
    expect("GET", "/echo?&&q=x&", 200, "x");
    expect("GET", "/echo?%71=named", 200, "named");
    expect("GET", "/echo?q=%f0%9f%90%88", 200, "\xf0\x9f\x90\x88");
    expect("GET", "/echo?q=%f0%9f", 400, NULL);
    expect("GET", "/echo?q=%00", 400, NULL);
    expect("GET", "/echo?q=%", 400, NULL);
}

static void test_methods(void **state) {
    (void)state;
    char *answer = get("DELETE", "/echo");
    assert_int_equal(answer_status(answer), 405);
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD, POST\r\n"));
    memory_free(answer);
    expect("PROPFINDANDMUCHLONGERTHANTHAT", "/echo", 405, NULL);
    expect("get", "/echo", 405, NULL);

    answer = get("HEAD", "/instant");
    assert_int_equal(answer_status(answer), 200);
    assert_non_null(strstr(answer, "Content-Length: 7\r\n"));
    assert_string_equal(answer_body(answer), "");
    memory_free(answer);
    expect("HEAD", "/nothing", 404, "");

    // A path that is written out is no placeholder's value.
    answer = get("GET", "/items/all/content");
    assert_int_equal(answer_status(answer), 405);
    assert_non_null(strstr(answer, "\r\nAllow: POST\r\n"));
    memory_free(answer);
    expect("POST", "/items/all/content", 200, NULL);
    expect("GET", "/items/alle/content", 200, "alle");
}

static void test_headers(void **state) {
    (void)state;
    char *answer = get("GET", "/headers");
    assert_int_equal(answer_status(answer), 204);
    assert_non_null(strstr(answer, "X-Good: kept\r\n"));
    assert_null(strstr(answer, "X-Bad"));
    assert_null(strstr(answer, "Set-Cookie"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(answer, "X-Request-Id: "));
    memory_free(answer);
    char *first = get("GET", "/instant");
    char *second = get("GET", "/instant");
    const char *first_id = strstr(first, "X-Request-Id: ");
    const char *second_id = strstr(second, "X-Request-Id: ");
    assert_true(strncmp(first_id, second_id, strlen("X-Request-Id: ") + 16) != 0);
    memory_free(first);
    memory_free(second);
}

// The id of the answer to a request with this X-Request-Id.
static char *request_id(const char *sent) {
    char request[512];
    (void)snprintf(request, sizeof request,
                   "GET /instant HTTP/1.1\r\nHost: x\r\nX-Request-Id: %s\r\n\r\n", sent);
    char *answer = client_exchange(&fixture, request);
    const char *id = strstr(answer, "\r\nX-Request-Id: ");
    assert_non_null(id);
    char *copy = memory_copy_text(id + strlen("\r\nX-Request-Id: "));
    *strchr(copy, '\r') = '\0';
    memory_free(answer);
    return copy;
}

static void test_request_ids(void **state) {
    (void)state;
    char longest[129];
    memset(longest, '~', 128);
    longest[128] = '\0';
    const char *const good[] = {"a", "0af7651916cd43dd-8448eb211c80319c", "{\"id\"}", longest};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *id = request_id(good[i]);
        assert_string_equal(id, good[i]);
        memory_free(id);
    }
    char too_long[130];
    memset(too_long, 'a', 129);
    too_long[129] = '\0';
    const char *const bad[] = {"", "two words", "\xc3\xa9", "a\tb", too_long};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *id = request_id(bad[i]);
        assert_int_equal(strlen(id), 16);
        assert_int_equal(strspn(id, "0123456789abcdef"), 16);
        memory_free(id);
    }
}

static void check_problem(const char *target, int status, const char *code, const char *detail) {
    char *answer = get("GET", target);
    assert_int_equal(answer_status(answer), status);
    assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
    json_error_t json_err;
    json_t *problem = json_loads(answer_body(answer), JSON_REJECT_DUPLICATES, &json_err);
    if (problem == NULL) fail_msg("%s: %s", json_err.text, answer_body(answer));
    assert_string_equal(json_string_value(json_object_get(problem, "type")), "about:blank");
    assert_true(strlen(json_string_value(json_object_get(problem, "title"))) > 0);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    assert_string_equal(json_string_value(json_object_get(problem, "code")), code);
    const char *given = json_string_value(json_object_get(problem, "detail"));
    if (detail != NULL) assert_string_equal(given, detail);
    assert_true(strlen(given) > 0);
    json_decref(problem);
    memory_free(answer);
}

static void test_problems(void **state) {
    (void)state;
    check_problem("/error", 422, "invalid", "a \"quoted\" \xef\xbf\xbd byte\n");
    check_problem("/error?detail=%3C%22%5C%0A%e2%82%ac", 422, "invalid", "<\"\\\n\xe2\x82\xac");
    check_problem("/nothing", 404, "not_found", NULL);
    check_problem("/%zz", 400, "bad_request", NULL);
}

static void test_observer(void **state) {
    (void)state;
    int before = atomic_load(&fixture.observed);
    expect("GET", "/nothing", 404, NULL);
    for (int i = 0; i < 1000 && atomic_load(&fixture.observed) == before; i++) (void)usleep(1000);
    assert_int_equal(atomic_load(&fixture.observed), before + 1);
    assert_int_equal(atomic_load(&fixture.last_status), 404);
    assert_true(atomic_load(&fixture.last_accept_us) < 0);  // no handler ran
    expect("GET", "/echo", 200, NULL);
    for (int i = 0; i < 1000 && atomic_load(&fixture.observed) < before + 2; i++)
        (void)usleep(1000);
    assert_true(atomic_load(&fixture.last_accept_us) > 0);
    assert_true(atomic_load(&fixture.last_accept_us) < atomic_load(&fixture.last_us));
    assert_int_equal(http_server_active_requests(fixture.server), 0);
}

static void test_port_in_use(void **state) {
    (void)state;
    struct http_server_options options = {.host = "127.0.0.1",
                                          .port = http_server_port(fixture.server),
                                          .event_threads = 1,
                                          .handler_threads = 1,
                                          .queue_capacity = 1,
                                          .connection_limit = 10};
    struct error err = {0};
    assert_null(http_server_create(&options, &err));
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted,
                   "cannot listen on 127.0.0.1:%u: address already in use; stop the other program "
                   "or choose another port with --port",
                   options.port);
    assert_string_equal(err.text, wanted);
    options.host = "203.0.113.7";  // TEST-NET-3: no machine has it
    error_clear(&err);
    assert_null(http_server_create(&options, &err));
    assert_non_null(strstr(err.text, "--host"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),       cmocka_unit_test(test_query),
        cmocka_unit_test(test_methods),     cmocka_unit_test(test_headers),
        cmocka_unit_test(test_problems),    cmocka_unit_test(test_observer),
        cmocka_unit_test(test_request_ids), cmocka_unit_test(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
