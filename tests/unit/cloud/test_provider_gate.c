// The gate before a provider, told what happened at which second: breaker, rate, cap and retries.
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cloud/provider_gate.h"

enum { THREADS = 64, ROUNDS = 200 };

static const int64_t second = 1000000000;

static struct cloud_failure failure_of(enum cloud_outcome outcome, int64_t retry_after_ms) {
    return (struct cloud_failure){
        .outcome = outcome, .retry_after_ms = retry_after_ms, .words = "HTTP 503"};
}

// What happens at a second, and what the gate is like afterwards.
enum event_kind { END, ASK, SUCCEED, FAIL, GIVE_BACK };

struct event {
    int64_t at_s;
    enum event_kind kind;
    enum cloud_outcome outcome;  // of FAIL
    int64_t retry_after_ms;
    enum gate_verdict verdict;  // of ASK
    enum breaker_state breaker;
    int64_t opens_in_s;
};

struct story {
    const char *name;
    struct gate_options options;
    struct event events[16];
};

#define FAILS(at, outcome, after, state, opens) \
    { at, FAIL, CLOUD_##outcome, after, 0, BREAKER_##state, opens }
#define PASSES(at, state) \
    { at, ASK, 0, 0, GATE_PASSES, BREAKER_##state, 0 }
#define IS_SHUT(at, opens) \
    { at, ASK, 0, 0, GATE_BREAKER_OPEN, BREAKER_OPEN, opens }

static const struct gate_options three_times = {
    .threshold = 3, .open_ms = 10000, .patience_ms = 8000};

static const struct story stories[] = {
    {"failures in a row",
     {.threshold = 3, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, FAILED, -1, CLOSED, 0), PASSES(1, CLOSED),
      FAILS(1, UNREACHABLE, -1, CLOSED, 0), PASSES(2, CLOSED), FAILS(2, TIMED_OUT, -1, OPEN, 10),
      IS_SHUT(3, 9), IS_SHUT(11, 1), PASSES(12, HALF_OPEN)}},
    {"a success between them",
     {.threshold = 2, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED),
      FAILS(0, CUT_OFF, -1, CLOSED, 0),
      PASSES(1, CLOSED),
      {1, SUCCEED, 0, 0, 0, BREAKER_CLOSED, 0},
      PASSES(2, CLOSED),
      FAILS(2, FAILED, -1, CLOSED, 0),
      PASSES(3, CLOSED),
      FAILS(3, LIMITED, -1, OPEN, 10)}},
    {"a refused picture is a success",
     {.threshold = 2, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, FAILED, -1, CLOSED, 0), PASSES(1, CLOSED),
      FAILS(1, REFUSED, -1, CLOSED, 0), PASSES(2, CLOSED), FAILS(2, FAILED, -1, CLOSED, 0)}},
    {"the probe closes it, and the pause is the first one again",
     {.threshold = 1, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED),
      FAILS(0, FAILED, -1, OPEN, 10),
      PASSES(10, HALF_OPEN),
      FAILS(10, FAILED, -1, OPEN, 20),
      PASSES(30, HALF_OPEN),
      {31, SUCCEED, 0, 0, 0, BREAKER_CLOSED, 0},
      PASSES(31, CLOSED),
      FAILS(31, FAILED, -1, OPEN, 10)}},
    {"a probe that fails doubles the pause up to an hour",
     {.threshold = 1, .open_ms = 1500000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, FAILED, -1, OPEN, 1500), PASSES(1500, HALF_OPEN),
      FAILS(1500, FAILED, -1, OPEN, 3000), PASSES(4500, HALF_OPEN),
      FAILS(4500, FAILED, -1, OPEN, 3600), PASSES(8100, HALF_OPEN),
      FAILS(8100, FAILED, -1, OPEN, 3600)}},
    {"a probe that was not made is given back",
     {.threshold = 1, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED),
      FAILS(0, FAILED, -1, OPEN, 10),
      PASSES(10, HALF_OPEN),
      {11, GIVE_BACK, 0, 0, 0, BREAKER_HALF_OPEN, 0},
      PASSES(11, HALF_OPEN)}},
    {"no credit, until when it says",
     {.threshold = 3, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, BROKE, 42000, OPEN, 42), IS_SHUT(41, 1), PASSES(42, HALF_OPEN)}},
    {"no credit, without a word",
     {.threshold = 3, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, BROKE, -1, OPEN, 900), PASSES(900, HALF_OPEN),
      FAILS(900, BROKE, -1, OPEN, 900)}},
    {"a key that is not accepted",
     {.threshold = 0, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, DENIED, -1, OPEN, 300), PASSES(300, HALF_OPEN)}},
    {"a pause that a question can wait",
     {.threshold = 3, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, LIMITED, 8000, CLOSED, 0)}},
    {"a pause that none can wait",
     {.threshold = 3, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, LIMITED, 9000, OPEN, 9)}},
    {"a pause that is nonsense",
     {.threshold = 3, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, BROKE, INT64_MAX, OPEN, 31LL * 86400)}},
    {"threshold 0",
     {.threshold = 0, .open_ms = 10000, .patience_ms = 8000},
     {PASSES(0, CLOSED), FAILS(0, FAILED, -1, CLOSED, 0), PASSES(0, CLOSED),
      FAILS(0, FAILED, -1, CLOSED, 0)}},
};

static void play(const struct story *story) {
    struct provider_gate *gate = provider_gate_create("openrouter", &story->options);
    struct gate_pass pass = {0};
    struct gate_state state;
    for (size_t i = 0; story->events[i].kind != END; i++) {
        const struct event *event = &story->events[i];
        int64_t now_ns = event->at_s * second;
        struct cloud_failure failure = failure_of(event->outcome, event->retry_after_ms);
        print_message("%s: event %zu\n", story->name, i);
        if (event->kind == ASK) {
            assert_int_equal(provider_gate_look(gate, now_ns), event->verdict);
            assert_int_equal(provider_gate_enter(gate, now_ns, &pass), event->verdict);
        }
        if (event->kind == SUCCEED) provider_gate_leave(gate, &pass, NULL, now_ns);
        if (event->kind == FAIL) provider_gate_leave(gate, &pass, &failure, now_ns);
        if (event->kind == GIVE_BACK) provider_gate_leave_unused(gate, &pass, now_ns);
        provider_gate_state(gate, now_ns, &state);
        assert_int_equal(state.breaker, event->breaker);
        assert_int_equal(state.opens_in_ms, event->opens_in_s * 1000);
        assert_int_equal(state.in_flight, event->kind == ASK && event->verdict == GATE_PASSES);
    }
    provider_gate_destroy(gate);
}

static void stories_end_as_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) play(&stories[i]);
}

static void requests_of_before_are_not_the_probe(void **state) {
    (void)state;
    struct gate_options options = {.threshold = 1, .open_ms = 1000};
    struct provider_gate *gate = provider_gate_create("openrouter", &options);
    struct gate_pass slow, slower, broke, quick, probe, other;
    struct cloud_failure failure = failure_of(CLOUD_FAILED, -1);
    assert_int_equal(provider_gate_enter(gate, 0, &slow), GATE_PASSES);
    assert_int_equal(provider_gate_enter(gate, 0, &slower), GATE_PASSES);
    assert_int_equal(provider_gate_enter(gate, 0, &broke), GATE_PASSES);
    assert_int_equal(provider_gate_enter(gate, 0, &quick), GATE_PASSES);
    provider_gate_leave(gate, &quick, &failure, 0);
    assert_int_equal(provider_gate_enter(gate, second, &probe), GATE_PASSES);
    // Neither a late success nor a late failure decides in place of the probe.
    provider_gate_leave(gate, &slow, NULL, second);
    assert_int_equal(provider_gate_look(gate, second), GATE_BREAKER_OPEN);
    provider_gate_leave(gate, &slower, &failure, second);
    assert_int_equal(provider_gate_look(gate, 10 * second), GATE_BREAKER_OPEN);
    // But one that says until when the provider is away is believed, also after the probe.
    failure = failure_of(CLOUD_BROKE, 60000);
    provider_gate_leave(gate, &broke, &failure, second);
    provider_gate_leave(gate, &probe, NULL, second);
    assert_int_equal(provider_gate_enter(gate, 60 * second, &other), GATE_BREAKER_OPEN);
    assert_int_equal(provider_gate_enter(gate, 61 * second, &other), GATE_PASSES);
    provider_gate_leave(gate, &other, NULL, 61 * second);
    struct gate_state after;
    provider_gate_state(gate, 61 * second, &after);
    assert_int_equal(after.in_flight, 0);
    assert_int_equal(after.breaker, BREAKER_CLOSED);
    provider_gate_destroy(gate);
}

static void longest_statement_counts(void **state) {
    (void)state;
    struct provider_gate *gate = provider_gate_create("openrouter", &three_times);
    static const int64_t stated_s[] = {60, 20, 90};
    static const int64_t opens_in_s[] = {60, 60, 90};
    struct gate_pass passes[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(provider_gate_enter(gate, 0, &passes[i]), GATE_PASSES);
    for (int i = 0; i < 3; i++) {
        struct cloud_failure failure = failure_of(CLOUD_BROKE, stated_s[i] * 1000);
        struct gate_state now;
        provider_gate_leave(gate, &passes[i], &failure, 0);
        provider_gate_state(gate, 0, &now);
        assert_int_equal(now.opens_in_ms, opens_in_s[i] * 1000);
    }
    provider_gate_destroy(gate);
}

static void last_failure_is_told_until_it_answers(void **state) {
    (void)state;
    struct provider_gate *gate = provider_gate_create("openrouter", &three_times);
    struct cloud_failure failure = failure_of(CLOUD_FAILED, -1);
    struct gate_pass pass;
    struct gate_state now;
    assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_PASSES);
    provider_gate_leave(gate, &pass, &failure, 0);
    provider_gate_state(gate, 0, &now);
    assert_string_equal(now.last_failure, "HTTP 503");
    assert_int_equal(now.failures, 1);
    assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_PASSES);
    provider_gate_leave(gate, &pass, NULL, 0);
    provider_gate_state(gate, 0, &now);
    assert_string_equal(now.last_failure, "");
    assert_int_equal(now.failures, 0);
    assert_int_equal(now.tokens, UINT_MAX);
    provider_gate_destroy(gate);
}

static unsigned enter_all(struct provider_gate *gate, int64_t now_ns, enum gate_verdict last) {
    struct gate_pass pass;
    unsigned entered = 0;
    while (provider_gate_look(gate, now_ns) == GATE_PASSES) {
        assert_int_equal(provider_gate_enter(gate, now_ns, &pass), GATE_PASSES);
        entered++;
    }
    assert_int_equal(provider_gate_enter(gate, now_ns, &pass), last);
    return entered;
}

static void bucket_refills_evenly(void **state) {
    (void)state;
    static const unsigned rates[] = {1, 7, 60, 100};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct gate_options options = {.per_minute = rates[i]};
        struct provider_gate *gate = provider_gate_create("openrouter", &options);
        struct gate_state now;
        provider_gate_state(gate, 5 * second, &now);
        assert_int_equal(now.tokens, rates[i]);
        assert_int_equal(enter_all(gate, 5 * second, GATE_RATE_LIMITED), rates[i]);
        provider_gate_state(gate, 5 * second, &now);
        assert_int_equal(now.tokens, 0);
        // Half a minute brings half of them in, a long time no more than the bucket holds.
        assert_int_equal(enter_all(gate, 35 * second, GATE_RATE_LIMITED), rates[i] / 2);
        assert_int_equal(enter_all(gate, 1000 * second, GATE_RATE_LIMITED), rates[i]);
        provider_gate_destroy(gate);
    }
}

static void unused_token_is_given_back(void **state) {
    (void)state;
    struct gate_options options = {.per_minute = 2};
    struct provider_gate *gate = provider_gate_create("openrouter", &options);
    struct gate_pass pass;
    assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_PASSES);
    provider_gate_leave_unused(gate, &pass, 0);
    assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_PASSES);
    provider_gate_leave_unused(gate, &pass, 600 * second);  // by then it is full anyway
    assert_int_equal(enter_all(gate, 600 * second, GATE_RATE_LIMITED), 2);
    provider_gate_destroy(gate);
}

static void places_are_left_again(void **state) {
    (void)state;
    struct gate_options options = {.concurrency = 2};
    struct provider_gate *gate = provider_gate_create("openrouter", &options);
    struct gate_pass pass;
    assert_int_equal(enter_all(gate, 0, GATE_FULL), 2);
    assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_FULL);
    pass = (struct gate_pass){0};
    provider_gate_leave(gate, &pass, NULL, 0);
    assert_int_equal(enter_all(gate, 0, GATE_FULL), 1);
    provider_gate_leave_unused(gate, &pass, 0);
    assert_int_equal(enter_all(gate, 0, GATE_FULL), 1);
    provider_gate_destroy(gate);
}

// A request that the rate limit holds back does not use up the probe.
static void probe_needs_a_token(void **state) {
    (void)state;
    struct gate_options options = {.threshold = 1, .open_ms = 1000, .per_minute = 1};
    struct provider_gate *gate = provider_gate_create("openrouter", &options);
    struct cloud_failure failure = failure_of(CLOUD_FAILED, -1);
    struct gate_pass pass;
    assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_PASSES);
    provider_gate_leave(gate, &pass, &failure, 0);
    assert_int_equal(provider_gate_enter(gate, second, &pass), GATE_RATE_LIMITED);
    assert_int_equal(provider_gate_enter(gate, 60 * second, &pass), GATE_PASSES);
    assert_int_equal(provider_gate_enter(gate, 60 * second, &pass), GATE_BREAKER_OPEN);
    provider_gate_destroy(gate);
}

static unsigned retries_left(struct provider_gate *gate) {
    unsigned count = 0;
    while (count < 1000 && provider_gate_may_retry(gate)) count++;
    return count;
}

static void succeed(struct provider_gate *gate, unsigned times) {
    struct gate_pass pass;
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(provider_gate_enter(gate, 0, &pass), GATE_PASSES);
        provider_gate_leave(gate, &pass, NULL, 0);
    }
}

static void retries_are_a_tenth_of_successes(void **state) {
    (void)state;
    struct provider_gate *gate = provider_gate_create("openrouter", &three_times);
    assert_int_equal(retries_left(gate), 10);
    succeed(gate, 9);
    assert_int_equal(retries_left(gate), 0);
    succeed(gate, 1);
    assert_int_equal(retries_left(gate), 1);
    succeed(gate, 55);
    assert_int_equal(retries_left(gate), 5);
    succeed(gate, 5000);  // not saved up without end
    assert_int_equal(retries_left(gate), 100);
    provider_gate_destroy(gate);
}

static void count_lines(FILE *log, const char *part, int times) {
    char line[1024];
    int count = 0;
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) count += strstr(line, part) != NULL;
    assert_int_equal(count, times);
}

// Once each, however many requests were under way.
static void log_tells_when_the_breaker_opens_and_closes(void **state) {
    (void)state;
    FILE *log = tmpfile();
    int standard_error = dup(STDERR_FILENO);
    assert_non_null(log);
    assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
    struct gate_options options = {.threshold = 1, .open_ms = 2000};
    struct provider_gate *gate = provider_gate_create("openrouter", &options);
    struct cloud_failure failure = failure_of(CLOUD_BROKE, 2000);
    struct gate_pass passes[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(provider_gate_enter(gate, 0, &passes[i]), GATE_PASSES);
    for (int i = 0; i < 3; i++) provider_gate_leave(gate, &passes[i], &failure, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(provider_gate_enter(gate, 2 * second, &passes[i]), GATE_PASSES);
        provider_gate_leave(gate, &passes[i], NULL, 2 * second);
    }
    provider_gate_destroy(gate);
    assert_true(dup2(standard_error, STDERR_FILENO) >= 0);
    (void)close(standard_error);
    count_lines(log, "openrouter is left alone for 2 s: HTTP 503", 1);
    count_lines(log, "warning", 1);
    count_lines(log, "openrouter answers again", 1);
    count_lines(log, "info", 1);
    (void)fclose(log);
}

struct crowd {
    struct provider_gate *gate;
    pthread_barrier_t barrier;
    atomic_uint probes, inside, most_inside;
};

static void *enter_once(void *context) {
    struct crowd *crowd = context;
    struct gate_pass pass;
    (void)pthread_barrier_wait(&crowd->barrier);
    if (provider_gate_enter(crowd->gate, second, &pass) == GATE_PASSES)
        atomic_fetch_add(&crowd->probes, 1);
    return NULL;
}

static void *come_and_go(void *context) {
    struct crowd *crowd = context;
    (void)pthread_barrier_wait(&crowd->barrier);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct gate_pass pass;
        if (provider_gate_enter(crowd->gate, 0, &pass) != GATE_PASSES) continue;
        unsigned inside = atomic_fetch_add(&crowd->inside, 1) + 1;
        unsigned most = atomic_load(&crowd->most_inside);
        while (inside > most && !atomic_compare_exchange_weak(&crowd->most_inside, &most, inside)) {
        }
        atomic_fetch_sub(&crowd->inside, 1);
        if (i % 2 == 0)
            provider_gate_leave(crowd->gate, &pass, NULL, 0);
        else
            provider_gate_leave_unused(crowd->gate, &pass, 0);
    }
    return NULL;
}

static void run_crowd(struct crowd *crowd, void *(*body)(void *)) {
    pthread_t threads[THREADS];
    assert_int_equal(pthread_barrier_init(&crowd->barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, crowd), 0);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&crowd->barrier);
}

static void one_of_many_threads_is_the_probe(void **state) {
    (void)state;
    struct gate_options options = {.threshold = 1, .open_ms = 1000};
    struct crowd crowd = {.gate = provider_gate_create("openrouter", &options)};
    struct cloud_failure failure = failure_of(CLOUD_FAILED, -1);
    struct gate_pass pass;
    assert_int_equal(provider_gate_enter(crowd.gate, 0, &pass), GATE_PASSES);
    provider_gate_leave(crowd.gate, &pass, &failure, 0);
    run_crowd(&crowd, enter_once);
    assert_int_equal(atomic_load(&crowd.probes), 1);
    provider_gate_destroy(crowd.gate);
}

static void never_more_than_the_cap_are_inside(void **state) {
    (void)state;
    struct gate_options options = {.concurrency = 5};
    struct crowd crowd = {.gate = provider_gate_create("openrouter", &options)};
    struct gate_state now;
    run_crowd(&crowd, come_and_go);
    assert_in_range(atomic_load(&crowd.most_inside), 1, 5);
    provider_gate_state(crowd.gate, 0, &now);
    assert_int_equal(now.in_flight, 0);
    provider_gate_destroy(crowd.gate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories_end_as_told),
        cmocka_unit_test(requests_of_before_are_not_the_probe),
        cmocka_unit_test(longest_statement_counts),
        cmocka_unit_test(last_failure_is_told_until_it_answers),
        cmocka_unit_test(bucket_refills_evenly),
        cmocka_unit_test(unused_token_is_given_back),
        cmocka_unit_test(places_are_left_again),
        cmocka_unit_test(probe_needs_a_token),
        cmocka_unit_test(retries_are_a_tenth_of_successes),
        cmocka_unit_test(log_tells_when_the_breaker_opens_and_closes),
        cmocka_unit_test(one_of_many_threads_is_the_probe),
        cmocka_unit_test(never_more_than_the_cap_are_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
