// What holds for every decision, over random facts.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "route/policy.h"

enum { ROUNDS = 200000 };

static uint64_t random_state;

static uint64_t random_below(uint64_t bound) {
    random_state += 0x9e3779b97f4a7c15;  // SplitMix64
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
}

// Few values, so that equal ones and edges come often.
static double random_score(void) {
    static const double edges[] = {NAN, 0, -1, 0.2, 0.55, 1, INFINITY};
    size_t count = sizeof edges / sizeof *edges;
    uint64_t pick = random_below(2 * count);
    return pick < count ? edges[pick] : (double)random_below(1000) / 1000;
}

static double random_ms(void) { return (double)random_below(8) * 100; }

static void facts_draw(struct route_policy *policy, struct route_facts *facts,
                       struct route_provider providers[static ROUTE_PROVIDERS_MAX]) {
    *policy =
        (struct route_policy){random_score(), random_score(), (int64_t)random_below(8) * 100 - 100};
    *facts = (struct route_facts){
        .quality = (enum route_quality)random_below(3),
        .is_bulk = random_below(2),
        .has_local = random_below(2),
        .confidence = random_score(),
        .clip_score = random_score(),
        .is_repetitive = random_below(4) == 0,
        .queue_depth = random_below(5),
        .local_p95_ms = random_ms(),
        .local_typical_ms = random_ms(),
        .providers = providers,
        .provider_count = random_below(ROUTE_PROVIDERS_MAX + 1),
        .budget_left_nano_usd = (int64_t)random_below(12) - 1,
    };
    for (size_t i = 0; i < facts->provider_count; i++)
        providers[i] = (struct route_provider){random_below(2), (int64_t)random_below(12)};
}

static bool is_askable(const struct route_facts *facts, size_t provider) {
    return !facts->providers[provider].is_away &&
           facts->providers[provider].price_nano_usd <= facts->budget_left_nano_usd;
}

// Each provider that can be asked is in the order once, as configured, and no other is.
static void assert_order(const struct route_facts *facts, const struct route_decision *decision) {
    size_t place = 0;
    for (size_t i = 0; i < facts->provider_count; i++) {
        if (!is_askable(facts, i)) continue;
        assert_true(place < decision->order_count);
        assert_int_equal(decision->order[place++], i);
    }
    assert_int_equal(place, decision->order_count);
}

static bool is_obstacle(enum route_reason reason) {
    return reason == REASON_CLOUD_AWAY || reason == REASON_OVER_BUDGET;
}

static void assert_holds(const struct route_facts *facts, const struct route_decision *decision) {
    assert_int_equal(decision->is_cloud, decision->order_count > 0);
    if (decision->is_cloud) {
        assert_int_not_equal(facts->quality, QUALITY_FAST);
        assert_order(facts, decision);
    }
    if (facts->quality == QUALITY_FAST) assert_int_equal(decision->reason, REASON_QUALITY_FAST);
    if (facts->quality == QUALITY_HIGH && facts->provider_count > 0)
        assert_int_equal(decision->wanted, REASON_QUALITY_HIGH);
    if (decision->reason == REASON_LATENCY_BUDGET)
        assert_true(!facts->has_local && !facts->is_bulk && facts->queue_depth > 0);

    assert_false(is_obstacle(decision->wanted));
    assert_int_equal(decision->reason != decision->wanted, is_obstacle(decision->reason));
    if (is_obstacle(decision->reason)) {
        assert_false(decision->is_cloud);
        bool is_one_there = false;
        for (size_t i = 0; i < facts->provider_count; i++) {
            assert_false(is_askable(facts, i));
            if (!facts->providers[i].is_away) is_one_there = true;
        }
        assert_int_equal(decision->reason == REASON_OVER_BUDGET, is_one_there);
    }
    assert_true(strlen(decision->words) > 10);
    assert_true(strlen(decision->words) < ROUTE_WORDS_SIZE - 1);  // none had to be cut
}

static void test_random_facts(void **state) {
    (void)state;
    random_state = 7;
    int seen[REASON_COUNT] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct route_policy policy;
        struct route_facts facts;
        struct route_provider providers[ROUTE_PROVIDERS_MAX];
        facts_draw(&policy, &facts, providers);
        struct route_decision decision;
        memset(&decision, 0xff, sizeof decision);
        route_decide(&policy, &facts, &decision);
        assert_holds(&facts, &decision);
        struct route_decision again;
        memset(&again, 0, sizeof again);
        route_decide(&policy, &facts, &again);
        assert_int_equal(again.is_cloud, decision.is_cloud);
        assert_int_equal(again.reason, decision.reason);
        assert_int_equal(again.wanted, decision.wanted);
        assert_memory_equal(again.order, decision.order, sizeof again.order);
        assert_string_equal(again.words, decision.words);
        seen[decision.reason]++;
    }
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        bool is_of_the_call = reason == REASON_RATE_LIMITED || reason == REASON_CLOUD_FAILED;
        if (is_of_the_call)
            assert_int_equal(seen[reason], 0);
        else
            assert_true(seen[reason] > 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
