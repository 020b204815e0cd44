// Bodies: limits at n - 1, n and n + 1, refusals before and while they arrive, forms, pieces of
// every size, keep-alive and pipelining.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

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

static char *post(const char *path, size_t size, bool is_chunked) {
    char head[256];
    (void)snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", path);
    int fd = client_connect(&fixture);
    client_send_text(fd, head);
    char *body = memory_alloc(size + 1);
    memset(body, 'b', size);
    if (is_chunked) {
        client_send_text(fd, "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < size;) {
            size_t piece = size - at < 4000 ? size - at : 4000;
            char chunk[32];
            (void)snprintf(chunk, sizeof chunk, "%zx\r\n", piece);
            client_send_text(fd, chunk);
            client_send(fd, body, piece);
            client_send_text(fd, "\r\n");
            at += piece;
        }
        client_send_text(fd, "0\r\n\r\n");
    } else {
        (void)snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", size);
        client_send_text(fd, head);
        client_send(fd, body, size);
    }
    char *answer = client_read_all(fd, 5000, NULL);
    (void)close(fd);
    if (answer_status(answer) == 200 && size > 0) assert_string_equal(answer_body(answer), body);
    memory_free(body);
    return answer;
}

static void expect_post(const char *path, size_t size, bool is_chunked, int status) {
    char *answer = post(path, size, is_chunked);
    if (answer_status(answer) != status)
        fail_msg("%zu bytes, %s: wanted %d, got %.300s", size, is_chunked ? "chunked" : "announced",
                 status, answer);
    memory_free(answer);
}

static void test_limit(void **state) {
    (void)state;
    for (int is_chunked = 0; is_chunked <= 1; is_chunked++) {
        expect_post("/echo", 0, is_chunked, 200);
        expect_post("/echo", FIXTURE_BODY_MAX - 1, is_chunked, 200);
        expect_post("/echo", FIXTURE_BODY_MAX, is_chunked, 200);
        expect_post("/echo", FIXTURE_BODY_MAX + 1, is_chunked, 413);
        expect_post("/echo", 300 * 1024, is_chunked, 413);
    }
    // Announced: refused before it comes, and read on so that the answer is not lost.
    expect_post("/echo", 4 * 1024 * 1024, false, 413);
}

static void test_endless_chunks_are_cut_off(void **state) {
    (void)state;
    char *answer = post("/echo", 8 * 1024 * 1024, true);
    assert_true(answer_status(answer) == 0 || answer_status(answer) == 413);
    memory_free(answer);
    expect_post("/echo", 10, true, 200);
}

static void test_no_body_where_none_is_taken(void **state) {
    (void)state;
    char *answer =
        client_exchange(&fixture, "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(answer_status(answer), 413);
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    memory_free(answer);
    answer =
        client_exchange(&fixture, "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(answer_status(answer), 200);
    memory_free(answer);
}

static void test_content_encoding(void **state) {
    (void)state;
    char *answer = client_exchange(&fixture,
                                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
                                   "Content-Length: 3\r\n\r\nabc");
    assert_int_equal(answer_status(answer), 415);
    memory_free(answer);
    answer = client_exchange(&fixture,
                             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\n"
                             "Content-Length: 3\r\n\r\nabc");
    assert_int_equal(answer_status(answer), 200);
    memory_free(answer);
}

static void test_expect_continue(void **state) {
    (void)state;
    int fd = client_connect(&fixture);
    client_send_text(fd,
                     "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                     "Content-Length: 3\r\n\r\n");
    char *answer = client_read_answer(fd);
    assert_int_equal(answer_status(answer), 100);
    memory_free(answer);
    client_send_text(fd, "abc");
    answer = client_read_answer(fd);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), "abc");
    memory_free(answer);
    (void)close(fd);
    // Refused: the final answer comes instead of 100, for the body, the route and the method.
    static const struct {
        const char *head;
        int status;
    } cases[] = {{"POST /echo HTTP/1.1\r\nContent-Length: 1001", 413},
                 {"POST /nothing HTTP/1.1\r\nContent-Length: 5", 404},
                 {"PUT /echo HTTP/1.1\r\nContent-Length: 5", 405},
                 {"POST /nothing HTTP/1.1\r\nTransfer-Encoding: chunked", 404}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[256];
        (void)snprintf(request, sizeof request, "%s\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
                       cases[i].head);
        answer = client_exchange(&fixture, request);
        assert_int_equal(answer_status(answer), cases[i].status);
        memory_free(answer);
    }
}

static void test_bodies_together_are_bounded(void **state) {
    (void)state;
    expect_post("/bulk", FIXTURE_PENDING_MAX, false, 200);
    expect_post("/bulk", FIXTURE_PENDING_MAX + 1, false, 503);
    expect_post("/bulk", FIXTURE_PENDING_MAX, true, 200);
    expect_post("/bulk", FIXTURE_PENDING_MAX + 1, true, 503);
    // Half of it is held by somebody who does not finish.
    int holder = client_connect(&fixture);
    char head[128];
    (void)snprintf(head, sizeof head,
                   "POST /bulk HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
                   FIXTURE_PENDING_MAX);
    client_send_text(holder, head);
    char *half = memory_alloc(FIXTURE_PENDING_MAX / 2);
    client_send(holder, half, FIXTURE_PENDING_MAX / 2);
    memory_free(half);
    char *answer = NULL;
    for (int i = 0; i < 100 && answer_status(answer) != 503; i++) {
        memory_free(answer);
        answer = post("/bulk", FIXTURE_PENDING_MAX, false);
    }
    assert_int_equal(answer_status(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: "));
    memory_free(answer);
    // What one connection cannot have, the small ones still can; and once it is gone, all is free.
    expect_post("/bulk", 1000, false, 200);
    (void)close(holder);
    for (int i = 0; i < 100; i++) {
        answer = post("/bulk", FIXTURE_PENDING_MAX, false);
        int status = answer_status(answer);
        memory_free(answer);
        if (status == 200) return;
        (void)usleep(10000);
    }
    fail_msg("the bytes of a connection that is gone are still counted");
}

static const char form_body[] =
    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n"
    "Content-Type: image/png\r\n\r\nbytes\r\n"
    "--b\r\nContent-Disposition: form-data; name=v\r\n\r\n1\r\n--b--\r\n";
static const char form_answer[] = "file|a.png|image/png|bytes\nv|-|-|1\n";

static void write_form_request(char request[static 1024]) {
    (void)snprintf(request, 1024,
                   "POST /form HTTP/1.1\r\nHost: x\r\n"
                   "Content-Type: multipart/form-data; boundary=\"b\"\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   strlen(form_body), form_body);
}

static void test_form(void **state) {
    (void)state;
    char form_request[1024];
    write_form_request(form_request);
    char *answer = client_exchange(&fixture, form_request);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_body(answer), form_answer);
    memory_free(answer);
    answer = client_exchange(&fixture,
                             "POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 1\r\n\r\nx");
    assert_int_equal(answer_status(answer), 400);
    memory_free(answer);
    answer = client_exchange(&fixture, "POST /form HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer_status(answer), 400);
    memory_free(answer);
}

// Each allocation on the way of an upload fails once: a refusal or a closed connection, no leak.
static void test_memory_runs_out(void **state) {
    (void)state;
    enum { ALLOCATIONS = 30 };  // more than an upload makes
    char request[1024];
    write_form_request(request);
    size_t disturbed = 0;
    for (long nth = 1; nth <= ALLOCATIONS; nth++) {
        int fd = client_connect(&fixture);
        memory_fail_nth(nth, false);
        client_send_text(fd, request);
        char answer[2048] = "";
        ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
        memory_fail_nth(0, false);
        (void)close(fd);
        int status = got > 0 ? answer_status(answer) : 0;
        assert_true(status == 0 || status == 200 || status == 503);
        if (status != 200) disturbed++;
    }
    assert_true(disturbed >= 5);  // request, target, body, names
    char *answer = client_exchange(&fixture, request);
    assert_string_equal(answer_body(answer), form_answer);
    memory_free(answer);
}

// The same request in pieces of 1, 2, 3, 7 and 64 bytes, each in a packet of its own.
static void test_pieces(void **state) {
    (void)state;
    char form_request[1024];
    write_form_request(form_request);
    static const size_t pieces[] = {1, 2, 3, 7, 64};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        int fd = client_connect(&fixture);
        size_t size = strlen(form_request);
        for (size_t at = 0; at < size; at += pieces[i]) {
            client_send(fd, form_request + at, size - at < pieces[i] ? size - at : pieces[i]);
            if (at % 50 < pieces[i]) (void)usleep(500);
        }
        char *answer = client_read_answer(fd);
        assert_int_equal(answer_status(answer), 200);
        assert_string_equal(answer_body(answer), form_answer);
        memory_free(answer);
        (void)close(fd);
    }
}

static void test_keep_alive_and_pipelining(void **state) {
    (void)state;
    int fd = client_connect(&fixture);
    for (int i = 0; i < 3; i++) {
        client_send_text(fd, "GET /echo?q=kept HTTP/1.1\r\nHost: x\r\n\r\n");
        char *answer = client_read_answer(fd);
        assert_string_equal(answer_body(answer), "kept");
        memory_free(answer);
    }
    client_send_text(fd,
                     "GET /echo?q=1 HTTP/1.1\r\nHost: x\r\n\r\n"
                     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n2"
                     "GET /instant HTTP/1.1\r\nHost: x\r\n\r\n"
                     "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                     "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "1\r\n5\r\n0\r\n\r\n"
                     "GET /echo?q=6 HTTP/1.1\r\nHost: x\r\n\r\n");
    static const char *const bodies[] = {"1", "2", "instant", NULL, "5", "6"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char *answer = client_read_answer(fd);
        assert_non_null(answer);
        if (bodies[i] != NULL) assert_string_equal(answer_body(answer), bodies[i]);
        assert_int_equal(answer_status(answer), bodies[i] == NULL ? 404 : 200);
        memory_free(answer);
    }
    (void)close(fd);
}

static void test_media_type(void **state) {
    (void)state;
    char *answer = client_exchange(&fixture,
                                   "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                   "Content-Type: Image/PNG ; q=1\r\n\r\n");
    assert_string_equal(answer_body(answer), "image/png");
    memory_free(answer);
    answer = client_exchange(&fixture, "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(answer_body(answer), "");
    memory_free(answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_endless_chunks_are_cut_off),
        cmocka_unit_test(test_no_body_where_none_is_taken),
        cmocka_unit_test(test_content_encoding),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_bodies_together_are_bounded),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_keep_alive_and_pipelining),
        cmocka_unit_test(test_media_type),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
