// Many at once, slow ones, ones that hang up, and stopping in the middle: nobody else suffers,
// nothing leaks, nothing deadlocks.
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http_fixture.h"

#define GET_SLOW "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_INSTANT "GET /instant HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture fixture;

static size_t open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL) count++;
    (void)closedir(folder);
    return count;
}

static void expect_instant(void) {
    int64_t started = clock_monotonic_ns();
    char *answer = client_exchange(&fixture, GET_INSTANT);
    assert_int_equal(answer_status(answer), 200);
    memory_free(answer);
    assert_true(clock_ms_since(started) < 3000);
}

// A request is over a little after its client has read the answer.
static void wait_until_requests(size_t count) {
    for (int i = 0; i < 5000 && http_server_active_requests(fixture.server) != count; i++)
        (void)usleep(1000);
    assert_int_equal(http_server_active_requests(fixture.server), count);
}

// Two handlers run, two requests wait: the fifth is refused, and health still answers.
static void test_full_queue(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    int sockets[4];
    for (int i = 0; i < 4; i++) {
        sockets[i] = client_connect(&fixture);
        client_send_text(sockets[i], GET_SLOW);
        // The queue has two places, so two must be with handlers before more come.
        if (i < 2) assert_true(fixture_wait_slow(&fixture, i + 1));
    }
    while (http_server_queue_depth(fixture.server) < 2) (void)usleep(1000);
    for (int i = 0; i < 20; i++) {
        char *answer = client_exchange(&fixture, GET_SLOW);
        assert_int_equal(answer_status(answer), 503);
        assert_non_null(strstr(answer, "Retry-After: "));
        assert_non_null(strstr(answer, "application/problem+json"));
        assert_non_null(strstr(answer, "\"code\":\"overloaded\""));
        memory_free(answer);
        expect_instant();
    }
    wait_until_requests(4);
    fixture_release(&fixture);
    for (int i = 0; i < 4; i++) {
        char *answer = client_read_answer(sockets[i]);
        assert_int_equal(answer_status(answer), 200);
        assert_string_equal(answer_body(answer), "slow");
        memory_free(answer);
        (void)close(sockets[i]);
    }
    fixture_stop(&fixture, 1000);
}

enum { CLIENTS = 200 };

static void *client_thread(void *context) {
    int *wrong = context;
    char *answer = client_exchange(
        &fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde");
    int status = answer_status(answer);
    *wrong = status == 503 || (status == 200 && strcmp(answer_body(answer), "abcde") == 0)
                 ? 0
                 : (status == 0 ? -1 : status);
    memory_free(answer);
    return NULL;
}

static void test_many_at_once(void **state) {
    (void)state;
    struct fixture_sizes sizes = {FIXTURE_SIZES};
    sizes.queue_capacity = CLIENTS;
    fixture_start(&fixture, &sizes);
    static pthread_t threads[CLIENTS];
    static int wrong[CLIENTS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], &attributes, client_thread, &wrong[i]), 0);
    for (int i = 0; i < CLIENTS; i++) pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    for (int i = 0; i < CLIENTS; i++) assert_int_equal(wrong[i], 0);
    wait_until_requests(0);
    assert_int_equal(atomic_load(&fixture.observed), CLIENTS);
    fixture_stop(&fixture, 1000);
}

static void hang_up(int fd, bool is_reset) {
    // Without lingering, close sends a reset instead of an orderly end.
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (is_reset) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    (void)close(fd);
}

static void test_hang_ups(void **state) {
    (void)state;
    static const char *const beginnings[] = {
        "",
        "PO",
        "POST /echo HTTP/1.1\r\nHo",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nsome",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nso",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nrefused",
        "GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n",
    };
    // Longer than this test waits: those that are gone must be noticed, not timed out.
    struct fixture_sizes sizes = {FIXTURE_SIZES};
    sizes.idle_timeout_s = 60;
    sizes.request_timeout_s = 60;
    fixture_start(&fixture, &sizes);
    size_t before = open_descriptors();
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
            int fd = client_connect(&fixture);
            client_send_text(fd, beginnings[i]);
            if (round % 3 == 0) (void)usleep(1000);
            hang_up(fd, round % 2 == 0);
        }
    }
    // And while handlers run: two of them, and two that wait. The queue must be empty for that.
    wait_until_requests(0);
    int sockets[4];
    for (int i = 0; i < 4; i++) {
        sockets[i] = client_connect(&fixture);
        client_send_text(sockets[i], GET_SLOW);
        if (i < 2) assert_true(fixture_wait_slow(&fixture, i + 1));
    }
    for (int i = 0; i < 4; i++) hang_up(sockets[i], i % 2 == 0);
    fixture_release(&fixture);
    wait_until_requests(0);
    expect_instant();
    wait_until_requests(0);
    // Sockets of refused bodies are read on for a while unless the client is gone: it is.
    for (int i = 0; i < 3000 && open_descriptors() > before; i++) (void)usleep(1000);
    assert_int_equal(open_descriptors(), before);
    fixture_stop(&fixture, 1000);
}

static void test_drain(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    int sockets[4];
    for (int i = 0; i < 4; i++) {
        sockets[i] = client_connect(&fixture);
        client_send_text(sockets[i], GET_SLOW);
        if (i < 2) assert_true(fixture_wait_slow(&fixture, i + 1));
    }
    int idle = client_connect(&fixture);
    client_send_text(idle, GET_INSTANT);
    memory_free(client_read_answer(idle));
    while (http_server_queue_depth(fixture.server) < 2) (void)usleep(1000);
    fixture_release(&fixture);
    fixture_stop(&fixture, 10000);
    for (int i = 0; i < 4; i++) {
        char *answer = client_read_answer(sockets[i]);
        assert_int_equal(answer_status(answer), 200);
        memory_free(answer);
        char more;
        assert_true(recv(sockets[i], &more, 1, 0) <= 0);
        (void)close(sockets[i]);
    }
    char more;
    assert_true(recv(idle, &more, 1, 0) <= 0);
    (void)close(idle);
}

static void *release_later(void *context) {
    (void)context;
    (void)usleep(400000);
    fixture_release(&fixture);
    return NULL;
}

static void *stop(void *server) {
    http_server_destroy(server, 10000);
    return NULL;
}

// While it finishes what runs it tells new connections how it is, and begins nothing else.
static void test_probes_are_answered_while_draining(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    int slow = client_connect(&fixture);
    client_send_text(slow, GET_SLOW);
    assert_true(fixture_wait_slow(&fixture, 1));
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop, fixture.server), 0);
    int status = 200;
    for (int i = 0; i < 5000 && status != 503; i++) {
        (void)usleep(1000);
        char *answer = client_exchange(&fixture, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        status = answer_status(answer);
        memory_free(answer);
    }
    assert_int_equal(status, 503);
    char *answer = client_exchange(&fixture, GET_INSTANT);
    assert_int_equal(answer_status(answer), 200);
    assert_non_null(strstr(answer, "Connection: close"));
    memory_free(answer);
    answer = client_exchange(&fixture,
                             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nsome");
    assert_int_equal(answer_status(answer), 503);
    memory_free(answer);
    fixture_release(&fixture);
    answer = client_read_answer(slow);
    assert_int_equal(answer_status(answer), 200);
    memory_free(answer);
    (void)close(slow);
    (void)pthread_join(stopper, NULL);
}

// Out of time: what runs is still answered, what waits gets 503, an upload is cut off.
static void test_drain_timeout(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    int sockets[4];
    for (int i = 0; i < 4; i++) {
        sockets[i] = client_connect(&fixture);
        client_send_text(sockets[i], GET_SLOW);
        if (i < 2) assert_true(fixture_wait_slow(&fixture, i + 1));
    }
    while (http_server_queue_depth(fixture.server) < 2) (void)usleep(1000);
    int upload = client_connect(&fixture);
    client_send_text(upload, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nsome");
    while (http_server_active_requests(fixture.server) < 5) (void)usleep(1000);
    pthread_t releaser;
    assert_int_equal(pthread_create(&releaser, NULL, release_later, NULL), 0);
    int64_t started = clock_monotonic_ns();
    fixture_stop(&fixture, 50);
    assert_true(clock_ms_since(started) < 5000);
    pthread_join(releaser, NULL);
    int answered = 0;
    int refused = 0;
    for (int i = 0; i < 4; i++) {
        char *answer = client_read_answer(sockets[i]);
        answered += answer_status(answer) == 200;
        refused += answer_status(answer) == 503;
        if (answer_status(answer) != 0) assert_non_null(strstr(answer, "Connection: close"));
        memory_free(answer);
        (void)close(sockets[i]);
    }
    assert_int_equal(answered, 2);
    assert_int_equal(refused, 2);
    (void)close(upload);
}

static void test_stop_at_once_without_requests(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
        int fd = client_connect(&fixture);
        if (i % 2 == 0) client_send_text(fd, GET_INSTANT);
        fixture_stop(&fixture, 0);
        (void)close(fd);
    }
}

// Bytes that drip in never let the idle timeout pass; the total does.
static void drip(const char *beginning, char byte, double seconds_min, double seconds_max) {
    int fd = client_connect(&fixture);
    int64_t started = clock_monotonic_ns();
    client_send_text(fd, beginning);
    for (;;) {
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) break;
        char answer;
        if (recv(fd, &answer, 1, MSG_DONTWAIT) == 0) break;
        double seconds = clock_ms_since(started) / 1000;
        if (seconds > seconds_max) fail_msg("still open after %g s: %s", seconds, beginning);
        (void)usleep(100000);
    }
    assert_true(clock_ms_since(started) / 1000 >= seconds_min);
    (void)close(fd);
}

static void test_slow_clients(void **state) {
    (void)state;
    struct fixture_sizes sizes = {FIXTURE_SIZES};
    sizes.idle_timeout_s = 1;
    sizes.request_timeout_s = 1;
    fixture_start(&fixture, &sizes);
    // A handler may take longer than both timeouts.
    int slow = client_connect(&fixture);
    client_send_text(slow, GET_SLOW);
    assert_true(fixture_wait_slow(&fixture, 1));

    drip("GET /echo HTTP/1.1\r\nX-A: ", 'a', 0.9, 4);
    drip("GET /ec", 'h', 0.9, 5);
    drip("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", 'b', 0.9, 4);
    drip("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n", 'b', 0, 9);
    expect_instant();
    // Silence is closed as well.
    int silent = client_connect(&fixture);
    bool is_closed;
    memory_free(client_read_all(silent, 5000, &is_closed));
    assert_true(is_closed);
    (void)close(silent);

    fixture_release(&fixture);
    char *answer = client_read_answer(slow);
    assert_int_equal(answer_status(answer), 200);
    memory_free(answer);
    (void)close(slow);
    wait_until_requests(0);
    fixture_stop(&fixture, 1000);
}

static void test_connection_limit(void **state) {
    (void)state;
    struct fixture_sizes sizes = {FIXTURE_SIZES};
    sizes.connection_limit = 10;
    fixture_start(&fixture, &sizes);
    int sockets[40];
    for (int i = 0; i < 40; i++) sockets[i] = client_connect(&fixture);
    for (int i = 0; i < 40; i++) (void)close(sockets[i]);
    expect_instant();
    fixture_stop(&fixture, 1000);
}

// No descriptors left: accept fails, and works again once some are free.
static void test_no_descriptors_left(void **state) {
    (void)state;
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    int early = client_connect(&fixture);
    client_send_text(early, GET_INSTANT);
    memory_free(client_read_answer(early));
    int late[20];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < 20; i++) {
        late[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(late[i] >= 0);
    }
    struct rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 20; i++) client_connect_socket(&fixture, late[i]);
    client_send_text(early, GET_INSTANT);
    char *answer = client_read_answer(early);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(answer_status(answer), 200);
    memory_free(answer);
    (void)close(early);
    for (int i = 0; i < 20; i++) {
        client_send_text(late[i], GET_INSTANT);
        answer = client_read_answer(late[i]);
        assert_int_equal(answer_status(answer), 200);
        memory_free(answer);
        (void)close(late[i]);
    }
    fixture_stop(&fixture, 1000);
}

// What each refused body's connection keeps open is given back when the server stops.
static void test_nothing_is_left_open(void **state) {
    (void)state;
    size_t before = open_descriptors();
    fixture_start(&fixture, &(struct fixture_sizes){FIXTURE_SIZES});
    int sockets[80];
    for (int i = 0; i < 80; i++) {
        sockets[i] = client_connect(&fixture);
        client_send_text(sockets[i],
                         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n");
        char *answer = client_read_answer(sockets[i]);
        assert_int_equal(answer_status(answer), 413);
        memory_free(answer);
    }
    fixture_stop(&fixture, 1000);
    for (int i = 0; i < 80; i++) (void)close(sockets[i]);
    assert_int_equal(open_descriptors(), before);
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_hang_ups),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_probes_are_answered_while_draining),
        cmocka_unit_test(test_drain_timeout),
        cmocka_unit_test(test_stop_at_once_without_requests),
        cmocka_unit_test(test_slow_clients),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_no_descriptors_left),
        cmocka_unit_test(test_nothing_is_left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
