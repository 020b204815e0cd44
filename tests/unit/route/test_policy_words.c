// The sentences of decisions, and the list of reasons.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "route/policy.h"

static struct route_policy policy;
static struct route_facts facts;
static struct route_provider providers[2];

// A local caption that is good, and two providers.
static int setup(void **state) {
    (void)state;
    policy = (struct route_policy){0.55, 0, 600};
    providers[0] = (struct route_provider){.price_nano_usd = 2130000};
    providers[1] = (struct route_provider){.price_nano_usd = 1500000};
    facts = (struct route_facts){.has_local = true,
                                 .confidence = 0.71,
                                 .clip_score = 0.314,
                                 .providers = providers,
                                 .provider_count = 2,
                                 .budget_left_nano_usd = 10000000000};
    return 0;
}

static void assert_words(const char *words) {
    struct route_decision decision;
    route_decide(&policy, &facts, &decision);
    assert_string_equal(decision.words, words);
}

static void test_a_good_caption(void **state) {
    (void)state;
    assert_words("the local caption's confidence 0.71 reaches 0.55");
    policy.clip_score_threshold = 0.255;
    assert_words(
        "the local caption's confidence 0.71 reaches 0.55, its clip score 0.31 reaches 0.255");
    facts.clip_score = NAN;
    assert_words("the local caption's confidence 0.71 reaches 0.55, its clip score is not known");
    policy.confidence_threshold = 0;
    policy.clip_score_threshold = 0;
    assert_words("the local caption's confidence 0.71 is not judged");
    facts.confidence = NAN;
    assert_words("the local caption's confidence is not known");
}

static void test_before_the_caption(void **state) {
    (void)state;
    facts.has_local = false;
    assert_words("the local model is asked first");
}

static void test_a_weak_caption(void **state) {
    (void)state;
    facts.confidence = 0.414;
    assert_words("the local caption's confidence 0.41 is below 0.55");
    facts.confidence = 0.71;
    policy.clip_score_threshold = 0.4;
    assert_words("the local caption's clip score 0.31 is below 0.4");
    facts.is_repetitive = true;
    assert_words("the local caption repeats itself");
}

// A figure is not rounded to the other side of what it is compared with, nor onto it.
static void test_figures_near_the_threshold(void **state) {
    (void)state;
    facts.confidence = 0.55;
    assert_words("the local caption's confidence 0.55 reaches 0.55");
    facts.confidence = 0.5499;
    assert_words("the local caption's confidence 0.5499 is below 0.55");
    facts.confidence = 0.55000001;
    assert_words("the local caption's confidence 0.55000001 reaches 0.55");
    policy.confidence_threshold = 0.555;
    facts.confidence = 0.556;
    assert_words("the local caption's confidence 0.56 reaches 0.555");
    facts.confidence = 0.554;
    assert_words("the local caption's confidence 0.55 is below 0.555");
}

static void test_what_the_caller_asks_for(void **state) {
    (void)state;
    facts.quality = QUALITY_FAST;
    assert_words("the caller asked for the local caption");
    facts.quality = QUALITY_HIGH;
    assert_words("the caller asked for the best caption");
    facts.provider_count = 0;
    assert_words("no cloud provider is configured");
}

static void test_too_late(void **state) {
    (void)state;
    facts.has_local = false;
    facts.queue_depth = 3;
    facts.local_typical_ms = 220.4;
    facts.local_p95_ms = 450;
    assert_words(
        "the local caption would take 1111 ms, 3 waiting at 220 ms each and up to 450 ms of its "
        "own, and 600 ms are allowed");
    facts.local_typical_ms = 0;
    facts.local_p95_ms = 600.25;
    assert_words(
        "the local caption would take 600.2 ms, 3 waiting at 0 ms each and up to 600 ms of its "
        "own, and 600 ms are allowed");
}

static void test_what_is_in_the_way(void **state) {
    (void)state;
    facts.confidence = 0.4;
    facts.budget_left_nano_usd = 1499999;
    assert_words(
        "the local caption's confidence 0.40 is below 0.55, but a picture costs up to $0.0015 and "
        "$0.001499999 of the day's budget is left");
    facts.budget_left_nano_usd = -20000000;
    providers[1].is_away = true;  // the cheapest of those that are there
    assert_words(
        "the local caption's confidence 0.40 is below 0.55, but a picture costs up to $0.00213 and "
        "-$0.02 of the day's budget is left");
    providers[0].is_away = true;
    assert_words(
        "the local caption's confidence 0.40 is below 0.55, but no provider of 2 can be asked now");
    facts.quality = QUALITY_HIGH;
    providers[0] = (struct route_provider){.price_nano_usd = 12000000000};
    facts.budget_left_nano_usd = 0;
    assert_words(
        "the caller asked for the best caption, but a picture costs up to $12.00 and $0.00 of the "
        "day's budget is left");
}

// The longest sentence there can be is cut, not overrun.
static void test_words_are_cut(void **state) {
    (void)state;
    facts.has_local = false;
    facts.queue_depth = SIZE_MAX;
    facts.local_typical_ms = 1e300;
    facts.local_p95_ms = 1e300;
    facts.budget_left_nano_usd = INT64_MIN;
    struct route_decision decision;
    route_decide(&policy, &facts, &decision);
    assert_int_equal(decision.reason, REASON_OVER_BUDGET);
    assert_int_equal(strlen(decision.words), ROUTE_WORDS_SIZE - 1);
}

static void test_every_reason_has_a_code_and_a_meaning(void **state) {
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        const char *code = route_reason_code((enum route_reason)i);
        assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz_"), strlen(code));
        assert_true(strlen(code) > 0 && strlen(route_reason_meaning((enum route_reason)i)) > 0);
        for (int other = 0; other < i; other++)
            assert_string_not_equal(code, route_reason_code((enum route_reason)other));
    }
}

static void test_quality_is_read(void **state) {
    (void)state;
    enum route_quality quality = QUALITY_AUTO;
    assert_true(route_quality_parse("fast", &quality));
    assert_int_equal(quality, QUALITY_FAST);
    assert_true(route_quality_parse("high", &quality));
    assert_int_equal(quality, QUALITY_HIGH);
    assert_true(route_quality_parse("auto", &quality));
    assert_int_equal(quality, QUALITY_AUTO);
    quality = QUALITY_HIGH;
    assert_false(route_quality_parse("best", &quality));
    assert_false(route_quality_parse("", &quality));
    assert_false(route_quality_parse("HIGH", &quality));
    assert_int_equal(quality, QUALITY_HIGH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_good_caption, setup),
        cmocka_unit_test_setup(test_before_the_caption, setup),
        cmocka_unit_test_setup(test_a_weak_caption, setup),
        cmocka_unit_test_setup(test_figures_near_the_threshold, setup),
        cmocka_unit_test_setup(test_what_the_caller_asks_for, setup),
        cmocka_unit_test_setup(test_too_late, setup),
        cmocka_unit_test_setup(test_what_is_in_the_way, setup),
        cmocka_unit_test_setup(test_words_are_cut, setup),
        cmocka_unit_test(test_every_reason_has_a_code_and_a_meaning),
        cmocka_unit_test(test_quality_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
