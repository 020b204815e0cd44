// Spans as they come out at the collector's end: who is whose child, what they say, and what
// becomes of them when the collector is slow, gone or full. The sender is a script.
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "observe/trace.h"
#include "observe/tracer.h"

enum { ANSWERS_MAX = 8, BODIES_MAX = 256, THREADS = 8, ROUNDS = 400 };

// What the collector does, and what it got.
static struct {
    struct trace_answer answers[ANSWERS_MAX];  // then it takes everything
    size_t answer_count;
    atomic_bool is_held;  // the answer does not come while this is set
    pthread_mutex_t mutex;
    size_t sends, taken;
    json_t *bodies[BODIES_MAX];
    size_t body_count;
    bool was_gzip;
    int64_t gave_up_ns;
} collector = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static atomic_size_t dropped;

static void note_dropped(void *context, size_t count) {
    assert_ptr_equal(context, &dropped);
    atomic_fetch_add(&dropped, count);
}

static json_t *read_body(const char *body, size_t size, bool is_gzip) {
    static unsigned char plain[8 * 1024 * 1024];
    if (is_gzip) {
        z_stream stream = {.next_in = (unsigned char *)body,
                           .avail_in = (unsigned)size,
                           .next_out = plain,
                           .avail_out = sizeof plain};
        assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        size = stream.total_out;
        (void)inflateEnd(&stream);
        body = (const char *)plain;
    }
    json_error_t problem;
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &problem);
    if (json == NULL) fail_msg("%s", problem.text);
    return json;
}

static json_t *spans_of(json_t *body) {
    json_t *resource = json_array_get(json_object_get(body, "resourceSpans"), 0);
    json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);
    json_t *spans = json_object_get(scope, "spans");
    assert_true(json_is_array(spans));
    return spans;
}

static void send(void *context, const char *body, size_t size, bool is_gzip,
                 const _Atomic int64_t *give_up_ns, struct trace_answer *answer) {
    assert_ptr_equal(context, &collector);
    json_t *json = read_body(body, size, is_gzip);
    (void)pthread_mutex_lock(&collector.mutex);
    size_t turn = collector.sends++;
    (void)pthread_mutex_unlock(&collector.mutex);
    while (atomic_load(&collector.is_held) && clock_monotonic_ns() < atomic_load(give_up_ns))
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    (void)pthread_mutex_lock(&collector.mutex);
    collector.was_gzip = is_gzip;
    collector.gave_up_ns = atomic_load(give_up_ns);
    if (turn < collector.answer_count) *answer = collector.answers[turn];
    if (atomic_load(&collector.is_held)) answer->delivery = TRACE_NOT_TAKEN;
    if (answer->delivery == TRACE_DELIVERED && collector.body_count < BODIES_MAX) {
        collector.taken += json_array_size(spans_of(json));
        collector.bodies[collector.body_count++] = json_incref(json);
    }
    (void)pthread_mutex_unlock(&collector.mutex);
    json_decref(json);
}

static const struct tracer_options defaults = {
    .sampler = {.follows_parent = true, .ratio = 1},
    .service_version = "1.2.3",
    .resource = {{"service.name", "a \"server\""}, {"place", "K\xc3\xb6ln\xff"}},
    .resource_count = 2,
    .queue_capacity = 2048,
    .batch_size = 512,
    .delay_ms = 60000,
    .export_timeout_ms = 60000,
    .send = send,
    .send_context = &collector,
    .note_dropped = note_dropped,
    .note_context = &dropped,
};

static void start(const struct tracer_options *options) {
    struct error err = {0};
    if (!tracer_start(options, &err)) fail_msg("%s", err.text);
}

static int reset(void **state) {
    (void)state;
    for (size_t i = 0; i < collector.body_count; i++) json_decref(collector.bodies[i]);
    collector.answer_count = collector.sends = collector.taken = collector.body_count = 0;
    atomic_store(&collector.is_held, false);
    atomic_store(&dropped, 0);
    return 0;
}

static const struct trace_origin nowhere;

static void one_request(void) {
    struct span *request = trace_begin_request("request", clock_monotonic_ns(), &nowhere);
    (void)trace_switch(request);
    span_end(span_begin("part", SPAN_INTERNAL));
    (void)trace_switch(NULL);
    span_end(request);
}

static json_t *find_span(const char *name) {
    json_t *found = NULL;
    for (size_t i = 0; i < collector.body_count; i++) {
        size_t j;
        json_t *span;
        json_array_foreach(spans_of(collector.bodies[i]), j, span) {
            if (strcmp(json_string_value(json_object_get(span, "name")), name) != 0) continue;
            assert_null(found);
            found = span;
        }
    }
    if (found == NULL) fail_msg("there is no span %s", name);
    return found;
}

static const char *text_of(const json_t *span, const char *name) {
    const char *text = json_string_value(json_object_get(span, name));
    return text == NULL ? "" : text;
}

static const json_t *attribute_of(const json_t *span, const char *key) {
    size_t i;
    json_t *attribute;
    json_array_foreach(json_object_get(span, "attributes"), i, attribute) {
        if (strcmp(text_of(attribute, "key"), key) == 0) return json_object_get(attribute, "value");
    }
    return NULL;
}

static void spans_are_children_of_the_current_one(void **state) {
    (void)state;
    start(&defaults);
    int64_t started = clock_monotonic_ns() - 5000000;
    struct span *request = trace_begin_request("request", started, &nowhere);
    assert_null(trace_switch(request));
    struct span *outer = span_begin("outer", SPAN_CLIENT);
    assert_ptr_equal(trace_current(), outer);
    span_end_at(span_begin_at("past", SPAN_INTERNAL, started + 1000), started + 3000);
    struct span *inner = span_begin("inner", SPAN_INTERNAL);
    span_end(inner);
    assert_ptr_equal(trace_current(), outer);
    span_end(outer);
    assert_ptr_equal(trace_switch(NULL), request);
    span_end(request);
    tracer_stop(5000);
    json_t *root = find_span("request"), *middle = find_span("outer");
    assert_null(json_object_get(root, "parentSpanId"));
    assert_string_equal(text_of(middle, "parentSpanId"), text_of(root, "spanId"));
    assert_string_equal(text_of(find_span("inner"), "parentSpanId"), text_of(middle, "spanId"));
    assert_string_equal(text_of(find_span("past"), "parentSpanId"), text_of(middle, "spanId"));
    static const char *const names[] = {"request", "outer", "inner", "past"};
    for (size_t i = 0; i < 4; i++) {
        const json_t *span = find_span(names[i]);
        assert_string_equal(text_of(span, "traceId"), text_of(root, "traceId"));
        assert_int_equal(strlen(text_of(span, "traceId")), 32);
        assert_int_equal(strlen(text_of(span, "spanId")), 16);
        assert_int_equal(json_integer_value(json_object_get(span, "flags")), 0x101);
    }
    assert_int_equal(json_integer_value(json_object_get(root, "kind")), SPAN_SERVER);
    assert_int_equal(json_integer_value(json_object_get(middle, "kind")), SPAN_CLIENT);
    const json_t *past = find_span("past");
    long long base = strtoll(text_of(root, "startTimeUnixNano"), NULL, 10);
    assert_int_equal(strtoll(text_of(past, "startTimeUnixNano"), NULL, 10) - base, 1000);
    assert_int_equal(strtoll(text_of(past, "endTimeUnixNano"), NULL, 10) - base, 3000);
    assert_true(llabs(base / 1000000 - clock_utc_ms()) < 60000);
    assert_int_equal(atomic_load(&dropped), 0);
}

static void attributes_are_written_as_otlp_wants_them(void **state) {
    (void)state;
    start(&defaults);
    struct span *span = trace_begin_request("odd \"name\"\n\x01\xff", 0, &nowhere);
    char text[600];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    span_set_text(span, "text", "K\xc3\xb6ln \xed\xa0\x80 \\ \t");
    span_set_text(span, "valid", "K\xc3\xb6ln\xf0\x9f\x98\x80");
    span_set_text(span, "none", NULL);
    span_set_text(span, "long", text);
    memcpy(text + 254, "\xc3\xb6", 2);  // the cut would be within this one
    span_set_text(span, "cut", text);
    span_set_integer(span, "integer", INT64_MIN);
    span_set_number(span, "number", 0.1);
    span_set_number(span, "not a number", 0.0 / (double)(span == NULL));
    span_set_flag(span, "flag", false);
    span_set_error(span, "timeout");
    span_end(span);
    tracer_stop(5000);
    const json_t *found = find_span("odd \"name\"\n\x01\xef\xbf\xbd");
    // Half of a pair, three bytes that are no UTF-8 each.
    assert_string_equal(text_of(attribute_of(found, "text"), "stringValue"),
                        "K\xc3\xb6ln \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \\ \t");
    assert_string_equal(text_of(attribute_of(found, "valid"), "stringValue"),
                        "K\xc3\xb6ln\xf0\x9f\x98\x80");
    assert_null(attribute_of(found, "none"));
    assert_null(attribute_of(found, "not a number"));
    assert_int_equal(strlen(text_of(attribute_of(found, "long"), "stringValue")), 255);
    assert_int_equal(strlen(text_of(attribute_of(found, "cut"), "stringValue")), 254);
    assert_string_equal(text_of(attribute_of(found, "integer"), "intValue"),
                        "-9223372036854775808");
    assert_true(json_real_value(json_object_get(attribute_of(found, "number"), "doubleValue")) ==
                0.1);
    assert_true(json_is_false(json_object_get(attribute_of(found, "flag"), "boolValue")));
    assert_string_equal(text_of(attribute_of(found, "error.type"), "stringValue"), "timeout");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(found, "status"), "code")),
                     2);
    json_t *resource = json_array_get(json_object_get(collector.bodies[0], "resourceSpans"), 0);
    const json_t *about = json_object_get(resource, "resource");
    assert_string_equal(text_of(attribute_of(about, "service.name"), "stringValue"),
                        "a \"server\"");
    assert_string_equal(text_of(attribute_of(about, "place"), "stringValue"),
                        "K\xc3\xb6ln\xef\xbf\xbd");
}

static void what_does_not_fit_is_left_out(void **state) {
    (void)state;
    start(&defaults);
    char keys[64][8], text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct span *span = trace_begin_request("full", 0, &nowhere);
    for (int i = 0; i < 64; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%d", i);
        span_set_text(span, keys[i], text);
    }
    span_end(span);
    tracer_stop(5000);
    assert_int_equal(json_array_size(json_object_get(find_span("full"), "attributes")), 24);
}

static void a_parent_is_followed_and_told_on(void **state) {
    (void)state;
    static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct trace_origin origin = {.has_parent = true, .state = "congo=1"};
    assert_true(trace_context_parse(parent, &origin.parent));
    start(&defaults);
    struct span *request = trace_begin_request("request", 0, &origin);
    (void)trace_switch(request);
    struct span *call = span_begin("call", SPAN_CLIENT);
    char told[TRACE_PARENT_SIZE], id[TRACE_ID_TEXT_SIZE];
    const char *told_state = NULL;
    assert_true(trace_current_parent(told, &told_state));
    assert_string_equal(told_state, "congo=1");
    assert_true(trace_current_id(id));
    assert_string_equal(id, "0af7651916cd43dd8448eb211c80319c");
    span_end(call);
    (void)trace_switch(NULL);
    span_end(request);
    assert_false(trace_current_id(id));
    assert_false(trace_current_parent(told, &told_state));
    tracer_stop(5000);
    const json_t *root = find_span("request");
    assert_string_equal(text_of(root, "traceId"), "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(text_of(root, "parentSpanId"), "b7ad6b7169203331");
    assert_string_equal(text_of(root, "traceState"), "congo=1");
    assert_null(json_object_get(find_span("call"), "traceState"));  // it was its parent's
    assert_int_equal(json_integer_value(json_object_get(root, "flags")), 0x301);
    char expected[TRACE_PARENT_SIZE];
    (void)snprintf(expected, sizeof expected, "00-0af7651916cd43dd8448eb211c80319c-%s-01",
                   text_of(find_span("call"), "spanId"));
    assert_string_equal(told, expected);
}

static void what_is_not_sampled_is_told_on_and_not_recorded(void **state) {
    (void)state;
    struct trace_origin origin = {.has_parent = true};
    assert_true(trace_context_parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                                    &origin.parent));
    start(&defaults);
    struct span *request = trace_begin_request("request", 0, &origin);
    (void)trace_switch(request);
    assert_null(span_begin("call", SPAN_CLIENT));
    assert_ptr_equal(trace_current(), request);
    char told[TRACE_PARENT_SIZE], id[TRACE_ID_TEXT_SIZE];
    const char *told_state;
    assert_true(trace_current_parent(told, &told_state));
    assert_memory_equal(told, "00-0af7651916cd43dd8448eb211c80319c-", 36);
    assert_string_equal(told + 52, "-00");
    assert_false(trace_current_id(id));
    assert_false(span_is_recorded(request));
    (void)trace_switch(NULL);
    span_end(request);
    tracer_stop(5000);
    assert_int_equal(collector.sends, 0);
}

static void nothing_is_made_while_tracing_is_off(void **state) {
    (void)state;
    assert_false(trace_is_on());
    assert_null(trace_begin_request("request", 0, &nowhere));
    assert_null(span_begin("part", SPAN_INTERNAL));
    span_set_text(NULL, "key", "text");
    span_set_error(NULL, "type");
    span_end(NULL);
    tracer_stop(0);
}

static void a_body_is_compressed(void **state) {
    (void)state;
    struct tracer_options options = defaults;
    options.is_gzip = true;
    start(&options);
    for (int i = 0; i < 100; i++) one_request();
    tracer_stop(5000);
    assert_true(collector.was_gzip);
    assert_int_equal(collector.taken, 200);
}

static void a_full_batch_does_not_wait(void **state) {
    (void)state;
    struct tracer_options options = defaults;
    options.batch_size = 10;
    start(&options);
    one_request();
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);  // it waits for more by then
    for (int i = 0; i < 4; i++) one_request();
    int64_t started = clock_monotonic_ns();
    size_t taken = 0;
    while (taken < 10 && clock_ms_since(started) < 20000) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&collector.mutex);
        taken = collector.taken;
        (void)pthread_mutex_unlock(&collector.mutex);
    }
    assert_int_equal(taken, 10);  // long before the delay of a minute
    tracer_stop(5000);
}

static void a_span_does_not_wait_longer_than_the_delay(void **state) {
    (void)state;
    struct tracer_options options = defaults;
    options.delay_ms = 20;
    start(&options);
    one_request();
    int64_t started = clock_monotonic_ns();
    size_t taken = 0;
    while (taken < 2 && clock_ms_since(started) < 20000) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&collector.mutex);
        taken = collector.taken;
        (void)pthread_mutex_unlock(&collector.mutex);
    }
    assert_int_equal(taken, 2);
    tracer_stop(5000);
}

static void a_full_queue_drops_and_nobody_waits(void **state) {
    (void)state;
    struct tracer_options options = defaults;
    options.queue_capacity = 20;
    options.batch_size = 10;
    atomic_store(&collector.is_held, true);
    start(&options);
    int64_t started = clock_monotonic_ns();
    for (int i = 0; i < 500; i++) one_request();
    assert_true(clock_ms_since(started) < 5000);
    size_t lost = atomic_load(&dropped);
    // 20 wait and 10 at most are being sent.
    assert_in_range(lost, 970, 980);
    atomic_store(&collector.is_held, false);
    tracer_stop(10000);
    assert_int_equal(collector.taken + atomic_load(&dropped), 1000);
    assert_int_equal(atomic_load(&dropped), lost);
}

static void what_was_not_taken_is_tried_again(void **state) {
    (void)state;
    collector.answers[0] =
        (struct trace_answer){.delivery = TRACE_NOT_TAKEN, .retry_after_ms = -1, .words = "503"};
    collector.answer_count = 1;
    struct tracer_options options = defaults;
    options.delay_ms = 1;
    start(&options);
    one_request();
    int64_t started = clock_monotonic_ns();
    size_t taken = 0;
    while (taken < 2 && clock_ms_since(started) < 20000) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&collector.mutex);
        taken = collector.taken;
        (void)pthread_mutex_unlock(&collector.mutex);
    }
    tracer_stop(5000);
    assert_int_equal(collector.taken, 2);
    assert_int_equal(atomic_load(&dropped), 0);
}

static void a_pause_that_is_asked_for_is_kept(void **state) {
    (void)state;
    collector.answers[0] =
        (struct trace_answer){.delivery = TRACE_NOT_TAKEN, .retry_after_ms = 300, .words = "429"};
    collector.answer_count = 1;
    struct tracer_options options = defaults;
    options.delay_ms = 1;
    start(&options);
    int64_t started = clock_monotonic_ns();
    one_request();
    size_t taken = 0;
    while (taken < 2 && clock_ms_since(started) < 20000) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&collector.mutex);
        taken = collector.taken;
        (void)pthread_mutex_unlock(&collector.mutex);
    }
    assert_true(clock_ms_since(started) >= 300);
    tracer_stop(5000);
}

static void a_pause_longer_than_the_time_there_is_drops(void **state) {
    (void)state;
    collector.answers[0] =
        (struct trace_answer){.delivery = TRACE_NOT_TAKEN, .retry_after_ms = 3600000, .words = "x"};
    collector.answer_count = 1;
    start(&defaults);
    one_request();
    tracer_stop(5000);
    assert_int_equal(collector.sends, 1);
    assert_int_equal(atomic_load(&dropped), 2);
}

static void what_is_refused_is_not_tried_again(void **state) {
    (void)state;
    collector.answers[0] = (struct trace_answer){.delivery = TRACE_REFUSED, .words = "400"};
    collector.answers[1] = (struct trace_answer){.rejected_spans = 1, .words = "one"};
    collector.answer_count = 2;
    struct tracer_options options = defaults;
    options.batch_size = 2;
    start(&options);
    for (int i = 0; i < 3; i++) one_request();
    tracer_stop(5000);
    assert_int_equal(collector.sends, 3);
    assert_int_equal(atomic_load(&dropped), 2 + 1);
}

static void stopping_ends_in_time_whatever_the_collector_does(void **state) {
    (void)state;
    atomic_store(&collector.is_held, true);
    struct tracer_options options = defaults;
    options.batch_size = 10;
    start(&options);
    for (int i = 0; i < 50; i++) one_request();
    int64_t started = clock_monotonic_ns();
    tracer_stop(200);
    assert_true(clock_ms_since(started) < 5000);
    assert_int_equal(collector.taken, 0);
    assert_int_equal(atomic_load(&dropped), 100);
}

static void stopping_ends_a_wait_for_a_retry(void **state) {
    (void)state;
    collector.answers[0] =
        (struct trace_answer){.delivery = TRACE_NOT_TAKEN, .retry_after_ms = 30000, .words = "x"};
    collector.answer_count = 1;
    struct tracer_options options = defaults;
    options.delay_ms = 1;
    start(&options);
    one_request();
    size_t sends = 0;
    while (sends == 0) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&collector.mutex);
        sends = collector.sends;
        (void)pthread_mutex_unlock(&collector.mutex);
    }
    int64_t started = clock_monotonic_ns();
    tracer_stop(20000);
    assert_true(clock_ms_since(started) < 15000);
    assert_int_equal(collector.taken, 2);  // it took them at the second try
}

static void *many_requests(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) one_request();
    return NULL;
}

static void *work_beside(void *span) {
    (void)trace_switch(span);
    for (int i = 0; i < ROUNDS; i++) span_end(span_begin("beside", SPAN_INTERNAL));
    return NULL;
}

static void many_threads(void **state) {
    (void)state;
    struct tracer_options options = defaults;
    options.queue_capacity = 100000;
    options.batch_size = 100;
    start(&options);
    pthread_t threads[THREADS];
    struct span *request = trace_begin_request("shared", 0, &nowhere);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i % 2 == 0 ? many_requests : work_beside, request),
            0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    span_end(request);
    tracer_stop(60000);
    assert_int_equal(atomic_load(&dropped), 0);
    assert_int_equal(collector.taken, THREADS / 2 * ROUNDS * 3 + 1);
}

static void without_memory_there_are_no_spans(void **state) {
    (void)state;
    start(&defaults);
    memory_fail_nth(1, true);
    struct span *request = trace_begin_request("request", 0, &nowhere);
    memory_fail_nth(0, false);
    assert_null(request);
    request = trace_begin_request("request", 0, &nowhere);
    (void)trace_switch(request);
    memory_fail_nth(1, true);
    assert_null(span_begin("part", SPAN_INTERNAL));
    memory_fail_nth(0, false);
    assert_ptr_equal(trace_switch(NULL), request);
    span_end(request);
    tracer_stop(5000);
    assert_int_equal(collector.taken, 1);
}

int main(void) {
    log_configure(LOG_OFF, LOG_FORMAT_AUTO);
#define TEST(name) cmocka_unit_test_setup(name, reset)
    const struct CMUnitTest tests[] = {
        TEST(spans_are_children_of_the_current_one),
        TEST(attributes_are_written_as_otlp_wants_them),
        TEST(what_does_not_fit_is_left_out),
        TEST(a_parent_is_followed_and_told_on),
        TEST(what_is_not_sampled_is_told_on_and_not_recorded),
        TEST(nothing_is_made_while_tracing_is_off),
        TEST(a_body_is_compressed),
        TEST(a_full_batch_does_not_wait),
        TEST(a_span_does_not_wait_longer_than_the_delay),
        TEST(a_full_queue_drops_and_nobody_waits),
        TEST(what_was_not_taken_is_tried_again),
        TEST(a_pause_that_is_asked_for_is_kept),
        TEST(a_pause_longer_than_the_time_there_is_drops),
        TEST(what_is_refused_is_not_tried_again),
        TEST(stopping_ends_in_time_whatever_the_collector_does),
        TEST(stopping_ends_a_wait_for_a_retry),
        TEST(many_threads),
        TEST(without_memory_there_are_no_spans),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    (void)reset(NULL);
    return failures;
}
