// Uploads that nobody waits for: their order, what is told of them, failures, stopping.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service/jobs.h"
#include "service_fixture.h"

enum { TOLD_MAX = 1024, WAIT_MS = 20000 };

// What the observer was told, in order.
static struct told {
    pthread_mutex_t mutex;
    size_t count;
    struct {
        int64_t sequence;
        enum job_state state;
        const char *stage;
        bool has_record;
    } changes[TOLD_MAX];
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void observe(void *context, const struct job *job, const char *stage,
                    const struct image_record *record) {
    (void)context;
    (void)pthread_mutex_lock(&told.mutex);
    assert_true(told.count < TOLD_MAX);
    told.changes[told.count].sequence = job->sequence;
    told.changes[told.count].state = job->state;
    told.changes[told.count].stage = stage;
    told.changes[told.count++].has_record = record != NULL;
    (void)pthread_mutex_unlock(&told.mutex);
}

struct bench {
    struct service_fixture *fixture;
    struct job_store *store;
    struct jobs *jobs;
};

static void start(struct bench *bench, size_t threads) {
    struct error err = {0};
    bench->store = job_store_open(bench->fixture->folder.path, &err);
    if (bench->store == NULL) fail_msg("%s", err.text);
    bench->jobs = jobs_create(&(struct jobs_options){.service = bench->fixture->service,
                                                     .store = bench->store,
                                                     .metrics = bench->fixture->options.metrics,
                                                     .threads = threads,
                                                     .waiting_max = 1000,
                                                     .observer = observe},
                              &err);
    if (bench->jobs == NULL) fail_msg("%s", err.text);
}

static void stop(struct bench *bench) {
    jobs_destroy(bench->jobs);
    job_store_close(bench->store);
}

static struct bench begin(void **state, size_t threads) {
    struct bench bench = {.fixture = *state};
    told.count = 0;
    start(&bench, threads);
    return bench;
}

static struct job accept_colour(struct bench *bench, int red, int green, bool is_bulk) {
    unsigned char picture[PICTURE_SIZE];
    struct job job;
    struct error err = {0};
    picture_of(red, green, 0, picture);
    if (!jobs_accept(
            bench->jobs,
            &(struct job_request){.bytes = picture, .size = sizeof picture, .is_bulk = is_bulk},
            &job, &err))
        fail_msg("%s", err.text);
    return job;
}

static struct job await(struct bench *bench, const char *id, enum job_state state) {
    struct job job;
    const char *stage;
    struct error err = {0};
    for (int ms = 0; ms < WAIT_MS; ms++) {
        if (!jobs_get(bench->jobs, id, &job, &stage, &err)) fail_msg("%s", err.text);
        if (job.state == state) return job;
        (void)usleep(1000);
    }
    fail_msg("job %s is in state %d, not %d", id, (int)job.state, (int)state);
    return job;
}

static void every_change_is_told_in_order(void **state) {
    struct bench bench = begin(state, 2);
    struct job job = accept_colour(&bench, 10, 0, true);
    struct job done = await(&bench, job.id, JOB_DONE);
    stop(&bench);
    static const char *const stages[] = {NULL, NULL, "decode", "caption", "store", NULL};
    static const enum job_state states[] = {JOB_QUEUED,  JOB_RUNNING, JOB_RUNNING,
                                            JOB_RUNNING, JOB_RUNNING, JOB_DONE};
    assert_int_equal(told.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(told.changes[i].sequence, job.sequence);
        assert_int_equal(told.changes[i].state, states[i]);
        if (stages[i] == NULL)
            assert_null(told.changes[i].stage);
        else
            assert_string_equal(told.changes[i].stage, stages[i]);
        assert_int_equal(told.changes[i].has_record, i == 5);
    }
    assert_int_equal(strlen(done.image_id), 16);
    assert_int_equal(stored_images(bench.fixture), 1);
}

static void interactive_ones_overtake(void **state) {
    struct bench bench = begin(state, 1);
    atomic_store(&fake_engine.is_blocked, true);
    struct job first = accept_colour(&bench, 1, 0, true);
    fake_engine_await_describes(1);
    struct job bulk = accept_colour(&bench, 2, 0, true);
    struct job urgent = accept_colour(&bench, 3, 0, false);
    struct error err = {0};
    assert_false(jobs_remove(bench.jobs, first.id, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    struct jobs_figures figures;
    jobs_measure(bench.jobs, &figures);
    assert_int_equal(figures.running, 1);
    assert_int_equal(figures.waiting, 2);
    atomic_store(&fake_engine.is_blocked, false);
    (void)await(&bench, bulk.id, JOB_DONE);
    stop(&bench);
    int64_t order[3];
    size_t ended = 0;
    for (size_t i = 0; i < told.count; i++)
        if (told.changes[i].state == JOB_DONE) order[ended++] = told.changes[i].sequence;
    assert_int_equal(ended, 3);
    assert_int_equal(order[0], first.sequence);
    assert_int_equal(order[1], urgent.sequence);
    assert_int_equal(order[2], bulk.sequence);
}

static void what_is_left_goes_on_at_the_next_start(void **state) {
    struct bench bench = begin(state, 1);
    atomic_store(&fake_engine.is_blocked, true);
    (void)accept_colour(&bench, 1, 0, true);
    fake_engine_await_describes(1);
    struct job waiting = accept_colour(&bench, 2, 0, true);
    jobs_stop(bench.jobs);
    unsigned char picture[PICTURE_SIZE] = "GIF89a";
    struct job late;
    struct error err = {0};
    assert_false(
        jobs_accept(bench.jobs, &(struct job_request){.bytes = picture, .size = 6}, &late, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    atomic_store(&fake_engine.is_blocked, false);
    stop(&bench);
    assert_int_equal(stored_images(bench.fixture), 1);
    start(&bench, 1);
    (void)await(&bench, waiting.id, JOB_DONE);
    stop(&bench);
    assert_int_equal(stored_images(bench.fixture), 2);
}

static void what_may_get_better_is_tried_again(void **state) {
    struct bench bench = begin(state, 1);
    atomic_store(&fake_engine.refusals_left, 1);
    struct job job = accept_colour(&bench, 1, 0, false);
    struct job done = await(&bench, job.id, JOB_DONE);
    assert_int_equal(done.attempts, 1);
    stop(&bench);
}

static void what_is_no_picture_fails_for_good(void **state) {
    struct bench bench = begin(state, 1);
    struct job job;
    struct error err = {0};
    assert_true(
        jobs_accept(bench.jobs, &(struct job_request){.bytes = "GIF89a", .size = 6}, &job, &err));
    struct job failed = await(&bench, job.id, JOB_FAILED);
    assert_int_equal(failed.attempts, 1);
    assert_int_not_equal(failed.problem.kind, ERROR_NONE);
    assert_true(jobs_remove(bench.jobs, job.id, &err));
    stop(&bench);
    assert_true(counted(bench.fixture, METRIC_JOBS, "failed") == 1);
}

static void *accept_many(void *context) {
    struct bench *bench = context;
    for (int i = 0; i < 20; i++)
        (void)accept_colour(bench, i, (int)(bench->fixture != NULL), i % 2);
    return NULL;
}

static void many_at_once(void **state) {
    struct bench bench = begin(state, 4);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, accept_many, &bench), 0);
    for (int i = 0; i < 3; i++) (void)pthread_join(threads[i], NULL);
    struct jobs_figures figures = {.waiting = 1};
    for (int ms = 0; ms < WAIT_MS && figures.waiting + figures.running > 0; ms++) {
        jobs_measure(bench.jobs, &figures);
        struct job found[8];
        const char *stages[8];
        size_t count;
        assert_true(jobs_list(bench.jobs, JOB_STATE_COUNT, 8, found, stages, &count, NULL));
        (void)usleep(1000);
    }
    stop(&bench);
    assert_int_equal(stored_images(bench.fixture), 20);  // the same twenty pictures thrice
    assert_true(counted(bench.fixture, METRIC_JOBS, "done") == 60);
}

int main(void) {
#define WITH_SERVICE(test) \
    cmocka_unit_test_setup_teardown(test, service_fixture_setup, service_fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(every_change_is_told_in_order),
        WITH_SERVICE(interactive_ones_overtake),
        WITH_SERVICE(what_is_left_goes_on_at_the_next_start),
        WITH_SERVICE(what_may_get_better_is_tried_again),
        WITH_SERVICE(what_is_no_picture_fails_for_good),
        WITH_SERVICE(many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
