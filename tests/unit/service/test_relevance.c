// Relevance: the query against the bank of captions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

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
        cmocka_unit_test_setup(an_engine_that_closes_fails_it, setup),
        cmocka_unit_test_setup(it_can_be_destroyed_at_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
