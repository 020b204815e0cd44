// Who goes when, and with whom. The worker is held at a first job until all others are queued in a
// known order, so that nothing here depends on time.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/batch.h"
#include "fake_models.h"

enum { CALLERS_MAX = 32 };

struct caller {
    enum queue_lane lane;
    const char *text;     // else a picture:
    uint8_t number;       // its hash
    bool wants_captions;  // with everything else
    pthread_t thread;
    bool is_answered;
    struct engine_timings timings;
    struct error error;
};

static struct engine *engine;
static struct caller callers[CALLERS_MAX];
static size_t caller_count;

static void *call(void *argument) {
    struct caller *caller = argument;
    struct embedding embedding;
    struct prepared_image image = {.hash = {caller->number}};
    if (caller->text != NULL) {
        caller->is_answered = engine_embed_text(engine, caller->text, caller->lane, &embedding,
                                                NULL, &caller->timings, &caller->error);
    } else if (caller->wants_captions) {
        struct description description;
        caller->is_answered =
            engine_describe_image(engine, &image, caller->lane, &description, &caller->error);
        caller->timings = description.timings;
    } else {
        caller->is_answered = engine_embed_image(engine, &image, caller->lane, &embedding,
                                                 &caller->timings, &caller->error);
    }
    return NULL;
}

static struct caller *send(struct caller caller) {
    struct caller *sent = &callers[caller_count++];
    *sent = caller;
    assert_int_equal(pthread_create(&sent->thread, NULL, call, sent), 0);
    return sent;
}

// Sends a job and returns once it is queued; the worker must be held.
static struct caller *queue(struct caller caller) {
    size_t depth = engine_queue_depth(engine);
    struct caller *sent = send(caller);
    while (engine_queue_depth(engine) == depth)
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    return sent;
}

static void hold_worker(void) {
    send((struct caller){.lane = QUEUE_INTERACTIVE, .text = FAKE_HOLD});
    fake_models_await_hold();
}

static void let_all_finish(void) {
    fake_models_let_go();
    for (size_t i = 0; i < caller_count; i++) pthread_join(callers[i].thread, NULL);
}

static int start(void **state) {
    (void)state;
    fake_models_reset();
    caller_count = 0;
    engine = engine_create(&(struct engine_options){.queue_capacity = CALLERS_MAX}, NULL);
    return engine != NULL ? 0 : -1;
}

static int stop(void **state) {
    (void)state;
    engine_destroy(engine);
    return 0;
}

static void test_interactive_goes_before_all_bulk(void **state) {
    (void)state;
    hold_worker();
    queue((struct caller){.lane = QUEUE_BULK, .text = "a"});
    queue((struct caller){.lane = QUEUE_BULK, .text = "b"});
    queue((struct caller){.lane = QUEUE_INTERACTIVE, .text = "c"});
    queue((struct caller){.lane = QUEUE_BULK, .number = 1});
    queue((struct caller){.lane = QUEUE_INTERACTIVE, .number = 2});
    let_all_finish();
    assert_string_equal(fake_models_diary(),
                        "texts hold; texts c; vectors 2; texts a b; vectors 1; ");
    static const size_t sizes[] = {1, 3, 3, 2, 3, 2};
    for (size_t i = 0; i < caller_count; i++) {
        assert_true(callers[i].is_answered);
        assert_int_equal(callers[i].timings.batch_size, sizes[i]);
        assert_true(callers[i].timings.queue_ms >= 0);
    }
}

// Queued while a batch of bulk is under way, with more bulk waiting behind.
static void test_interactive_waits_for_one_batch(void **state) {
    (void)state;
    char numbers[BATCH_JOBS_MAX * 4] = "";
    hold_worker();
    queue((struct caller){.lane = QUEUE_BULK, .text = FAKE_HOLD});
    for (uint8_t i = 1; i < BATCH_JOBS_MAX; i++) {
        queue((struct caller){.lane = QUEUE_BULK, .number = i});
        (void)snprintf(numbers + strlen(numbers), sizeof numbers - strlen(numbers), " %d", i);
    }
    queue((struct caller){.lane = QUEUE_BULK, .text = "late"});
    fake_models_let_go();
    fake_models_await_hold();
    assert_int_equal(engine_queue_depth(engine), 1);
    queue((struct caller){.lane = QUEUE_INTERACTIVE, .text = "urgent"});
    let_all_finish();
    char expected[256];
    (void)snprintf(expected, sizeof expected,
                   "texts hold; texts hold; vectors%s; texts urgent; texts late; ", numbers);
    assert_string_equal(fake_models_diary(), expected);
}

static void test_captions_make_short_batches(void **state) {
    (void)state;
    hold_worker();
    for (uint8_t i = 1; i <= 5; i++)
        queue((struct caller){.lane = QUEUE_BULK, .number = i, .wants_captions = true});
    let_all_finish();
    // The texts are the captions, for their scores; the fake ones are empty.
    assert_string_equal(fake_models_diary(),
                        "texts hold; vectors 1 2; captions 1 2; texts  ; "
                        "vectors 3 4; captions 3 4; texts  ; vectors 5; captions 5; texts ; ");
    for (size_t i = 1; i <= 5; i++)
        assert_int_equal(callers[i].timings.batch_size, i < 5 ? BATCH_CAPTIONS_MAX : 1);
}

static void test_a_search_does_not_wait_for_captions_beside_it(void **state) {
    (void)state;
    hold_worker();
    struct caller *upload = queue((struct caller){
        .lane = QUEUE_INTERACTIVE, .number = FAKE_HOLD_HASH, .wants_captions = true});
    struct caller *search = queue((struct caller){.lane = QUEUE_INTERACTIVE, .text = "a"});
    fake_models_let_go();
    fake_models_await_hold();
    pthread_join(search->thread, NULL);
    assert_true(search->is_answered);
    assert_int_equal(search->timings.batch_size, 2);
    fake_models_let_go();
    pthread_join(callers[0].thread, NULL);
    pthread_join(upload->thread, NULL);
    assert_true(upload->is_answered);
}

static void test_a_bad_text_fails_alone(void **state) {
    (void)state;
    hold_worker();
    queue((struct caller){.lane = QUEUE_BULK, .text = "a"});
    struct caller *bad = queue((struct caller){.lane = QUEUE_BULK, .text = FAKE_BAD});
    queue((struct caller){.lane = QUEUE_BULK, .text = "b"});
    let_all_finish();
    assert_string_equal(fake_models_diary(), "texts hold; texts a bad b; ");
    for (size_t i = 0; i < caller_count; i++)
        assert_int_equal(callers[i].is_answered, &callers[i] != bad);
    assert_int_equal(bad->error.kind, ERROR_INVALID);
    assert_string_equal(bad->error.text, "a bad text");
}

static void test_closing_answers_what_is_queued(void **state) {
    (void)state;
    struct embedding embedding;
    struct error err = {0};
    hold_worker();
    for (int i = 0; i < 20; i++)
        queue((struct caller){.lane = i % 2 == 0 ? QUEUE_BULK : QUEUE_INTERACTIVE, .text = "a"});
    engine_close(engine);
    assert_false(engine_embed_text(engine, "b", QUEUE_BULK, &embedding, NULL, NULL, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    let_all_finish();
    for (size_t i = 0; i < caller_count; i++) assert_true(callers[i].is_answered);
}

static void test_a_full_queue_refuses(void **state) {
    (void)state;
    struct embedding embedding;
    struct error err = {0};
    struct engine *kept = engine;
    engine = engine_create(&(struct engine_options){.queue_capacity = 2}, NULL);
    hold_worker();
    for (int i = 0; i < 2; i++) {  // each lane has places of its own
        queue((struct caller){.lane = QUEUE_BULK, .text = "a"});
        queue((struct caller){.lane = QUEUE_INTERACTIVE, .text = "b"});
    }
    assert_false(engine_embed_text(engine, "c", QUEUE_INTERACTIVE, &embedding, NULL, NULL, &err));
    assert_int_equal(err.kind, ERROR_OVERLOADED);
    let_all_finish();
    engine_destroy(engine);
    engine = kept;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_interactive_goes_before_all_bulk, start, stop),
        cmocka_unit_test_setup_teardown(test_interactive_waits_for_one_batch, start, stop),
        cmocka_unit_test_setup_teardown(test_captions_make_short_batches, start, stop),
        cmocka_unit_test_setup_teardown(test_a_search_does_not_wait_for_captions_beside_it, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_a_bad_text_fails_alone, start, stop),
        cmocka_unit_test_setup_teardown(test_closing_answers_what_is_queued, start, stop),
        cmocka_unit_test_setup_teardown(test_a_full_queue_refuses, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
