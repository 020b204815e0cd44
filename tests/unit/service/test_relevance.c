// Relevance: the query against the bank of captions.
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "service_fixture.h"

static int setup(void **state) {
    (void)state;
    (void)fake_engine_reset();
    return 0;
}

static struct relevance *create(void) {
    struct error err = {0};
    struct relevance *relevance = relevance_create(fake_engine_reset(), &err);
    if (relevance == NULL) fail_msg("%s", err.text);
    return relevance;
}

// The fake engine's space has an axis for red, green and blue; most captions of the bank lie on
// none, some on one: all that name a colour.
static void a_fitting_query_is_relevant_and_another_is_not(void **state) {
    (void)state;
    struct relevance *relevance = create();
    float red[FAKE_WIDTH], green[FAKE_WIDTH], mixed[FAKE_WIDTH], vectors[2][FAKE_WIDTH];
    float scores[2];
    struct error err = {0};
    fake_engine_vector(255, 0, 0, red);
    fake_engine_vector(0, 255, 0, green);
    fake_engine_vector(255, 200, 0, mixed);
    memcpy(vectors[0], red, sizeof red);
    memcpy(vectors[1], green, sizeof green);
    assert_true(relevance_score(relevance, green, vectors[0], 2, FAKE_WIDTH, scores, &err));
    assert_true(scores[0] < 0.01F);
    assert_true(scores[1] >= RELEVANCE_THRESHOLD);  // though the bank says the same of it
    assert_true(relevance_score(relevance, mixed, vectors[0], 2, FAKE_WIDTH, scores, &err));
    assert_true(scores[0] > scores[1]);
    assert_true(relevance_score(relevance, red, vectors[0], 0, FAKE_WIDTH, scores, &err));
    assert_false(relevance_score(relevance, red, vectors[0], 2, FAKE_WIDTH / 2, scores, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    relevance_destroy(relevance);
}

// Half is where the query describes the picture eight times as well as the bank's average caption.
static void the_scale_is_the_models(void **state) {
    (void)state;
    float black[FAKE_WIDTH], query[FAKE_WIDTH], score[2];
    fake_engine_vector(0, 0, 0, black);
    for (int i = 0; i < 2; i++) {
        struct engine *engine = fake_engine_reset();
        fake_engine.info.logit_scale = i == 0 ? 100 : 10;
        struct relevance *relevance = relevance_create(engine, NULL);
        assert_non_null(relevance);
        // A cosine of 1 or 0.9 with the picture, where nearly all of the bank has 1.
        for (int j = 0; j < FAKE_WIDTH; j++) query[j] = 0.9F * black[j];
        assert_true(relevance_score(relevance, black, black, 1, FAKE_WIDTH, &score[0], NULL));
        assert_true(relevance_score(relevance, query, black, 1, FAKE_WIDTH, &score[1], NULL));
        double odds = (double)(score[0] / (1 - score[0]) / (score[1] / (1 - score[1])));
        assert_float_equal(odds / exp(i == 0 ? 10 : 1), 1, 0.01);
        // The bank may do a little worse than 1, as it names colours: the odds are 1:8 or better.
        assert_true(score[0] >= 1 / 9.0F - 1e-4F && score[0] < 0.3F);
        relevance_destroy(relevance);
    }
}

struct asker {
    pthread_t thread;
    struct relevance *relevance;
    float score;
    bool is_done;
};

static void *ask(void *context) {
    struct asker *asker = context;
    float vector[FAKE_WIDTH];
    fake_engine_vector(0, 255, 0, vector);
    asker->is_done =
        relevance_score(asker->relevance, vector, vector, 1, FAKE_WIDTH, &asker->score, NULL);
    return NULL;
}

static void threads_wait_for_one_bank(void **state) {
    (void)state;
    struct asker askers[8];
    struct relevance *relevance = create();
    for (int i = 0; i < 8; i++) {
        askers[i] = (struct asker){.relevance = relevance};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        (void)pthread_join(askers[i].thread, NULL);
        assert_true(askers[i].is_done);
        assert_true(askers[i].score == askers[0].score);
    }
    relevance_destroy(relevance);
}

// A queue that stays full while the server stops: whoever makes the bank must not insist.
static void it_can_be_destroyed_while_the_queue_is_full(void **state) {
    (void)state;
    struct engine *engine = fake_engine_reset();
    (void)error_set(&fake_engine.failure, ERROR_OVERLOADED, "queue full");
    struct relevance *relevance = relevance_create(engine, NULL);
    assert_non_null(relevance);
    while (atomic_load(&fake_engine.embed_calls) < 2)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    relevance_destroy(relevance);
}

static void an_engine_that_closes_fails_it(void **state) {
    (void)state;
    struct engine *engine = fake_engine_reset();
    struct error err = {0};
    (void)error_set(&fake_engine.failure, ERROR_UNAVAILABLE, "stopping");
    struct relevance *relevance = relevance_create(engine, &err);
    float vector[FAKE_WIDTH] = {1}, score;
    assert_false(relevance_score(relevance, vector, vector, 1, FAKE_WIDTH, &score, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    relevance_destroy(relevance);
}

static void it_can_be_destroyed_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) relevance_destroy(create());
    relevance_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_fitting_query_is_relevant_and_another_is_not, setup),
        cmocka_unit_test_setup(the_scale_is_the_models, setup),
        cmocka_unit_test_setup(threads_wait_for_one_bank, setup),
        cmocka_unit_test_setup(it_can_be_destroyed_while_the_queue_is_full, setup),
        cmocka_unit_test_setup(an_engine_that_closes_fails_it, setup),
        cmocka_unit_test_setup(it_can_be_destroyed_at_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
