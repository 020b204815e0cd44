// Sessions on pipes, with a backend that takes as long as a test wants.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
// last: it uses what the headers above declare
#include <cmocka.h>

#include "mcp/stdio.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int held;      // calls that wait for the gate
static bool is_open;  // the gate

// {"wait": true} waits for the gate.
static json_t *backend_answer(void *context, const char *method, const json_t *params,
                              struct rpc_error *error) {
    (void)context;
    (void)method;
    (void)error;
    if (!json_is_true(json_object_get(params, "wait"))) return json_object();
    (void)pthread_mutex_lock(&lock);
    held++;
    (void)pthread_cond_broadcast(&changed);
    while (!is_open) (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    return json_object();
}

static void gate_set(bool opens) {
    (void)pthread_mutex_lock(&lock);
    is_open = opens;
    if (!opens) held = 0;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void wait_for_held(int count) {
    (void)pthread_mutex_lock(&lock);
    while (held < count) (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static const struct mcp_backend backend = {.answer = backend_answer, .version = "1"};

static int to_session, from_session, session_in, session_out;
static FILE *answers;
static pthread_t runner;
static bool was_done;

static void *run(void *context) {
    was_done = mcp_stdio_run(&backend,
                             &(struct mcp_stdio_options){.input = session_in,
                                                         .output = session_out,
                                                         .line_max = 10000,
                                                         .threads = *(size_t *)context},
                             NULL);
    (void)close(session_out);
    return NULL;
}

static void session_start(size_t threads) {
    static size_t count;
    int in[2], out[2];
    count = threads;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    to_session = in[1];
    session_in = in[0];
    from_session = out[0];
    session_out = out[1];
    answers = fdopen(from_session, "r");
    assert_non_null(answers);
    gate_set(false);
    assert_int_equal(pthread_create(&runner, NULL, run, &count), 0);
}

static void put(const char *text) {
    assert_int_equal(write(to_session, text, strlen(text)), (ssize_t)strlen(text));
}

static void call_put(int id, bool waits) {
    char text[200];
    (void)snprintf(
        text, sizeof text,
        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"wait\":%s}}"
        "\n",
        id, waits ? "true" : "false");
    put(text);
}

static void cancel_put(int id) {
    char text[200];
    (void)snprintf(text, sizeof text,
                   "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
                   "{\"requestId\":%d}}\n",
                   id);
    put(text);
}

// The id of the next answer; -1: none comes any more.
static int answer_id(void) {
    char line[2000];
    if (fgets(line, sizeof line, answers) == NULL) return -1;
    json_t *json = json_loads(line, 0, NULL);
    assert_non_null(json);
    int id = (int)json_integer_value(json_object_get(json, "id"));
    json_decref(json);
    return id;
}

static void session_finish(void) {
    (void)close(to_session);
    (void)pthread_join(runner, NULL);
    assert_true(was_done);
    assert_int_equal(answer_id(), -1);
    (void)fclose(answers);
    (void)close(session_in);
}

static void a_ping_does_not_wait_for_calls(void **state) {
    (void)state;
    session_start(1);
    call_put(1, true);
    call_put(2, false);
    wait_for_held(1);
    put("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\n");
    assert_int_equal(answer_id(), 3);
    gate_set(true);
    assert_int_equal(answer_id(), 1);
    assert_int_equal(answer_id(), 2);
    session_finish();
}

static void calls_run_beside_each_other(void **state) {
    (void)state;
    session_start(3);
    for (int i = 1; i <= 3; i++) call_put(i, true);
    wait_for_held(3);
    gate_set(true);
    int sum = answer_id() + answer_id() + answer_id();
    assert_int_equal(sum, 6);
    session_finish();
}

static void a_cancelled_call_is_neither_begun_nor_answered(void **state) {
    (void)state;
    session_start(1);
    call_put(1, true);
    call_put(2, true);
    call_put(3, false);
    wait_for_held(1);
    cancel_put(1);  // under way
    cancel_put(2);  // not begun: it would add to those held
    cancel_put(9);  // never was
    put("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"ping\"}\n");
    assert_int_equal(answer_id(), 4);  // so the cancellations have been read
    gate_set(true);
    assert_int_equal(answer_id(), 3);
    session_finish();
    assert_int_equal(held, 1);
}

// More than there are places: reading pauses, and nothing is lost.
static void many_calls_wait_their_turn(void **state) {
    (void)state;
    session_start(2);
    gate_set(true);
    for (int i = 1; i <= 200; i++) call_put(i, true);
    int sum = 0;
    for (int i = 1; i <= 200; i++) sum += answer_id();
    assert_int_equal(sum, 200 * 201 / 2);
    session_finish();
}

static void the_end_of_input_waits_for_the_answers(void **state) {
    (void)state;
    session_start(1);
    call_put(1, true);
    call_put(2, true);
    wait_for_held(1);
    (void)close(to_session);
    gate_set(true);
    assert_int_equal(answer_id(), 1);
    assert_int_equal(answer_id(), 2);
    assert_int_equal(answer_id(), -1);
    (void)pthread_join(runner, NULL);
    assert_true(was_done);
    (void)fclose(answers);
    (void)close(session_in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ping_does_not_wait_for_calls),
        cmocka_unit_test(calls_run_beside_each_other),
        cmocka_unit_test(a_cancelled_call_is_neither_begun_nor_answered),
        cmocka_unit_test(many_calls_wait_their_turn),
        cmocka_unit_test(the_end_of_input_waits_for_the_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
