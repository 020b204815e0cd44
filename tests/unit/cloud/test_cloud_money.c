// What asking costs and what is written into the book: reservations, settlements, budgets, answers
// that were paid for, and a book that does not answer. Meant for ThreadSanitizer as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cloud_world.h"

enum { THREADS = 64, QUESTIONS_A_THREAD = 8, CALLS_PAID = 100 };

static void reservation_is_of_the_one_that_is_called(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.question.timeout_ms = 3000;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step)FAILS(REFUSED));
    script_set(PROVIDER_OPENAI, 1, &(struct step)FAILS(DENIED));
    assert_true(world_ask(&world));
    static const enum provider_kind kinds[] = {PROVIDER_OPENROUTER, PROVIDER_OPENAI,
                                               PROVIDER_GOOGLE_VISION};
    static const char *const models[] = {"router-model", "open-model", "google_vision"};
    static const char *const outcomes[] = {"refused", "denied", "answered"};
    assert_int_equal(world.book->call_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct memory_call *call = &world.book->calls[i];
        assert_string_equal(call->provider, provider_kind_name(kinds[i]));
        assert_string_equal(call->model, models[i]);
        assert_string_equal(call->outcome, outcomes[i]);
        assert_string_equal(call->reason, "low_confidence");
        assert_string_equal(call->purse, "");
        assert_int_equal(call->ceiling_nano_usd, ceiling_of(kinds[i]));
        assert_int_equal(call->expires_in_ms, 3000 + 60000);
        assert_true(call->settlement.duration_ms >= 0);
    }
    world_end(&world);
}

// What one call comes to, for an answer and for a failure (of an outcome that is not retried).
static void costs_are_told_counted_or_estimated(void **state) {
    (void)state;
    const int64_t most = ceiling_of(PROVIDER_OPENROUTER);
    const int64_t of_usage = 6000 + 2 * 10 + 3 * 5;
    const struct {
        struct step step;
        int64_t cost_nano_usd;
        bool is_estimated, is_presumed;  // in the book
    } rows[] = {
        {{CLOUD_ANSWERED, -1, false, 77, 10, 5, 0}, 77, false, false},
        {{CLOUD_ANSWERED, -1, false, 0, 10, 5, 0}, 0, false, false},
        {{CLOUD_ANSWERED, -1, false, -1, 10, 5, 0}, of_usage, false, false},
        {{CLOUD_ANSWERED, -1, false, -1, -1, -1, 0}, most, true, false},
        {{CLOUD_ANSWERED, -1, false, -1, 10, -1, 0}, most, true, false},
        {{CLOUD_ANSWERED, -1, false, 77, -1, -1, 0}, 77, false, false},
        {{CLOUD_REFUSED, -1, true, 33, 10, 5, 0}, 33, false, false},
        {{CLOUD_REFUSED, -1, true, -1, 10, 5, 0}, of_usage, false, false},
        {{CLOUD_TIMED_OUT, -1, true, -1, -1, -1, 0}, most, false, true},
        {{CLOUD_TIMED_OUT, -1, false, -1, -1, -1, 0}, 0, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        world_init(&world);
        world_start(&world);
        world.order.provider_count = 1;
        script_set(PROVIDER_OPENROUTER, 1, &rows[i].step);
        print_message("row %zu\n", i);
        assert_int_equal(world_ask(&world), rows[i].step.outcome == CLOUD_ANSWERED);
        const struct ledger_settlement *settlement = &world.book->calls[0].settlement;
        assert_int_equal(settlement->cost_nano_usd, rows[i].cost_nano_usd);
        assert_int_equal(settlement->is_estimated, rows[i].is_estimated);
        assert_int_equal(settlement->is_presumed, rows[i].is_presumed);
        assert_int_equal(settlement->input_tokens, rows[i].step.input_tokens);
        assert_int_equal(settlement->output_tokens, rows[i].step.output_tokens);
        assert_int_equal(world.result.cost_nano_usd, rows[i].cost_nano_usd);
        assert_int_equal(world.result.is_estimated, rows[i].is_estimated || rows[i].is_presumed);
        world_end(&world);
    }
}

static void failed_attempts_are_in_the_sum(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 3,
               (struct step[]){{CLOUD_FAILED, 0, true, 30, 10, 5, 0},
                               {CLOUD_CUT_OFF, 0, true, -1, -1, -1, 0},
                               {CLOUD_FAILED, 0, false, -1, -1, -1, 0}});
    assert_true(world_ask(&world));
    assert_int_equal(world.result.attempts, 4);
    assert_int_equal(world.result.cost_nano_usd, 30 + ceiling_of(PROVIDER_OPENROUTER) + 0 + 100);
    assert_int_equal(world.result.cost_nano_usd, world.book->spent_nano_usd);
    assert_true(world.result.is_estimated);
    world_end(&world);
}

static void budgets_say_what_is_in_the_way(void **state) {
    (void)state;
    const int64_t plenty = INT64_MAX / 2;
    const struct {
        struct ledger_limits limits;
        int64_t purse;
        enum cloud_obstacle obstacle;
        unsigned reserves;
        const char *words;
    } rows[] = {
        {{0, 1000, plenty},
         plenty,
         CLOUD_IS_LIMITED,
         1,
         "the cloud has had its 0 requests of this"},
        {{1000, 0, plenty},
         plenty,
         CLOUD_IS_OVER_DAY,
         1,
         "the cloud has had its 0 requests of today"},
        {{1000, 1000, 0}, plenty, CLOUD_IS_OVER_BUDGET, 3, "what is left of today's 0.00 USD"},
        {{1000, 1000, plenty}, 0, CLOUD_IS_OVER_BUDGET, 3, "what is left for shadow:a today"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        struct cloud_provider_state after;
        world_init(&world);
        world.options.limits = rows[i].limits;
        world.options.gate = (struct gate_options){.per_minute = 1};
        world_start(&world);
        world.order.purse = "shadow:a";
        world.order.purse_daily_nano_usd = rows[i].purse;
        assert_false(world_ask(&world));
        assert_int_equal(world.result.obstacle, rows[i].obstacle);
        assert_int_equal(world.result.attempts, 0);
        assert_int_equal(world.result.cost_nano_usd, 0);
        assert_non_null(strstr(world.result.words, rows[i].words));
        assert_int_equal(world.book->reserves, rows[i].reserves);
        for (int k = 0; k < PROVIDER_KIND_COUNT; k++)
            assert_int_equal(times_asked((enum provider_kind)k), 0);
        cloud_provider_state(world.cloud, 0, &after);
        assert_int_equal(after.gate.tokens, 1);  // nothing was asked: the rate limit has it back
        world_end(&world);
    }
}

static void cheaper_one_is_asked_where_the_first_is_too_dear(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world.options.limits.daily_nano_usd = ceiling_of(PROVIDER_GOOGLE_VISION);
    world_start(&world);
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 2);
    assert_int_equal(times_asked(PROVIDER_OPENROUTER) + times_asked(PROVIDER_OPENAI), 0);
    world_end(&world);
}

static void patience_waits_for_the_minute_only(void **state) {
    (void)state;
    static const struct {
        unsigned refusals;
        int64_t patience_ms;
        bool is_answered;
    } rows[] = {{2, 5000, true}, {2, 0, false}, {1000, 600, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        world_init(&world);
        world.options.timeout_ms = 200;  // begins when it is let through
        world_start(&world);
        world.book->minute_refusals = rows[i].refusals;
        world.order.patience_ms = rows[i].patience_ms;
        int64_t started_ns = clock_monotonic_ns();
        assert_int_equal(world_ask(&world), rows[i].is_answered);
        assert_true(clock_ms_since(started_ns) < 4000);
        if (!rows[i].is_answered) assert_int_equal(world.result.obstacle, CLOUD_IS_LIMITED);
        // One provider is enough to learn it.
        if (rows[i].is_answered) assert_int_equal(world.book->reserves, rows[i].refusals + 1);
        world_end(&world);
    }
    struct world world;
    world_init(&world);
    world.options.limits.per_day = 0;
    world_start(&world);
    world.order.patience_ms = 60000;
    int64_t started_ns = clock_monotonic_ns();
    assert_false(world_ask(&world));
    assert_true(clock_ms_since(started_ns) < 4000);
    world_end(&world);
}

static void purse_is_named(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.purse = "shadow:a";
    world.order.purse_daily_nano_usd = ceiling_of(PROVIDER_OPENROUTER);
    assert_true(world_ask(&world));
    assert_string_equal(world.book->calls[0].purse, "shadow:a");
    world_end(&world);
}

static void paid_answer_is_given_again(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step)FAILS(REFUSED));
    assert_true(world_ask(&world));
    // The second one's answer counts before the first one is asked again.
    assert_true(world_ask(&world));
    assert_true(world.result.is_cached);
    assert_string_equal(world.result.answer.caption, "a cat, says openai");
    assert_int_equal(world.result.provider, 1);
    assert_int_equal(world.result.cost_nano_usd, 0);
    assert_int_equal(world.result.attempts, 0);
    assert_int_equal(world.book->call_count, 2);
    assert_int_equal(world.pictures_made, 1);
    assert_int_equal(times_asked(PROVIDER_OPENROUTER), 1);
    assert_int_equal(times_asked(PROVIDER_OPENAI), 1);
    // Other bytes, another prompt, or another model: another question.
    world.order.sha256 = "cd34";
    assert_true(world_ask(&world));
    assert_false(world.result.is_cached);
    world.order.question.prompt = "Why?";
    assert_true(world_ask(&world));
    assert_false(world.result.is_cached);
    world.order.question.model = "other";
    assert_true(world_ask(&world));
    assert_false(world.result.is_cached);
    assert_true(world_ask(&world));
    assert_true(world.result.is_cached);
    world_end(&world);
}

static void book_that_finds_nothing_is_no_obstacle(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.book->fails_find = true;
    assert_true(world_ask(&world));
    assert_true(world_ask(&world));
    assert_false(world.result.is_cached);
    assert_int_equal(world.book->finds, 2);  // asked once a question when it fails
    world_end(&world);
}

static void nothing_is_asked_that_cannot_be_booked(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.book->fails_reserve = true;
    assert_false(world_ask(&world));
    assert_int_equal(world.result.obstacle, CLOUD_IS_AWAY);
    assert_string_equal(world.result.words,
                        "the book of costs cannot be written: the store is away");
    assert_int_equal(world.book->reserves, 1);  // and it is not tried for every provider
    for (int k = 0; k < PROVIDER_KIND_COUNT; k++)
        assert_int_equal(times_asked((enum provider_kind)k), 0);
    world_end(&world);
}

static void settlement_is_tried_again(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.book->settle_failures = 2;
    assert_true(world_ask(&world));
    assert_int_equal(world.book->settles, 3);
    assert_int_equal(world.book->spent_nano_usd, 100);
    world_end(&world);
}

static void answer_counts_though_it_cannot_be_settled(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.book->settle_failures = 1000;
    assert_true(world_ask(&world));
    assert_string_equal(world.result.answer.caption, "a cat, says openrouter");
    assert_int_equal(world.result.cost_nano_usd, 100);
    assert_int_equal(world.book->settles, 3);
    assert_int_equal(world.book->calls[0].settlements, 0);
    assert_int_equal(world.book->reserved_nano_usd, ceiling_of(PROVIDER_OPENROUTER));
    world_clear(&world);
}

static void budget_left_is_remembered(void **state) {
    (void)state;
    const int64_t daily = 1000000000000;
    struct world world;
    world_init(&world);
    world.options.limits.daily_nano_usd = daily;
    world_start(&world);
    for (int i = 0; i < 50; i++) assert_int_equal(cloud_budget_left(world.cloud), daily);
    assert_in_range(world.book->status_reads, 1, 5);
    watched_cloud = world.cloud;
    assert_true(world_ask(&world));
    watched_cloud = NULL;
    assert_int_equal(watched_budget_left, daily - ceiling_of(PROVIDER_OPENROUTER));
    assert_int_equal(cloud_budget_left(world.cloud), daily - 100);
    world.book->spent_nano_usd = 2 * daily;
    world.order.question.prompt = "again";
    assert_false(world_ask(&world));
    assert_int_equal(cloud_budget_left(world.cloud), 0);
    // A book that does not answer leaves the decision to cloud_ask, which tells why.
    world.book->fails_status = true;
    assert_false(world_ask(&world));
    assert_int_equal(cloud_budget_left(world.cloud), daily);
    world_end(&world);
}

struct asker {
    struct world *world;
    pthread_t thread;
    unsigned number;
    unsigned answered, refused;
    int64_t cost_nano_usd;
};

static void *ask_often(void *context) {
    struct asker *asker = context;
    struct cloud_order order = asker->world->order;
    char sha256[16];
    order.sha256 = sha256;
    for (unsigned i = 0; i < QUESTIONS_A_THREAD; i++) {
        struct cloud_result result;
        (void)snprintf(sha256, sizeof sha256, "%u-%u", asker->number, i);
        if (cloud_ask(asker->world->cloud, &order, &result))
            asker->answered++;
        else
            asker->refused += result.obstacle == CLOUD_IS_OVER_BUDGET;
        asker->cost_nano_usd += result.cost_nano_usd;
        (void)cloud_budget_left(asker->world->cloud);
    }
    return NULL;
}

// Every call costs its ceiling, and the money is for CALLS_PAID of them.
static void threads_never_exceed_the_budget(void **state) {
    (void)state;
    struct asker askers[THREADS] = {0};
    struct world world;
    world_init(&world);
    world.order.provider_count = 1;
    world.options.limits.daily_nano_usd = CALLS_PAID * ceiling_of(PROVIDER_OPENROUTER) + 1;
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_ANSWERED, -1, false, -1, -1, -1, 1});
    for (unsigned i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){.world = &world, .number = i};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]), 0);
    }
    struct asker sum = {0};
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        sum.answered += askers[i].answered;
        sum.refused += askers[i].refused;
        sum.cost_nano_usd += askers[i].cost_nano_usd;
    }
    assert_int_equal(sum.answered, CALLS_PAID);
    assert_int_equal(sum.refused, THREADS * QUESTIONS_A_THREAD - CALLS_PAID);
    assert_int_equal(times_asked(PROVIDER_OPENROUTER), CALLS_PAID);
    assert_int_equal(sum.cost_nano_usd, world.book->spent_nano_usd);
    assert_true(world.book->most_nano_usd <= world.options.limits.daily_nano_usd);
    assert_int_equal(cloud_budget_left(world.cloud), 1);
    world_end(&world);
}

static void *ask_once(void *context) {
    struct asker *asker = context;
    struct cloud_order order = asker->world->order;
    char sha256[16];
    struct cloud_result result;
    order.sha256 = sha256;
    (void)snprintf(sha256, sizeof sha256, "%u", asker->number);
    asker->answered = cloud_ask(asker->world->cloud, &order, &result);
    asker->refused = result.obstacle == CLOUD_IS_BUSY;
    return NULL;
}

// A place at a provider is waited for, but not for ever.
static void a_busy_provider_is_waited_for(void **state) {
    (void)state;
    enum { ASKERS = 6 };
    static const struct {
        long delay_ms, timeout_ms;
        unsigned answered;
    } rows[] = {{10, 5000, ASKERS}, {800, 1000, 1}};
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct asker askers[ASKERS] = {0};
        struct world world;
        unsigned answered = 0, refused = 0;
        world_init(&world);
        world.order.provider_count = 1;
        world.options.gate = (struct gate_options){.concurrency = 1};
        world.options.timeout_ms = rows[row].timeout_ms;
        world_start(&world);
        script_set(PROVIDER_OPENROUTER, 1,
                   &(struct step){CLOUD_ANSWERED, -1, false, 100, -1, -1, rows[row].delay_ms});
        for (unsigned i = 0; i < ASKERS; i++) {
            askers[i] = (struct asker){.world = &world, .number = i};
            assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_once, &askers[i]), 0);
        }
        for (unsigned i = 0; i < ASKERS; i++) {
            assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
            answered += askers[i].answered;
            refused += askers[i].refused;
        }
        assert_int_equal(answered, rows[row].answered);
        assert_int_equal(answered + refused, ASKERS);
        world_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reservation_is_of_the_one_that_is_called),
        cmocka_unit_test(costs_are_told_counted_or_estimated),
        cmocka_unit_test(failed_attempts_are_in_the_sum),
        cmocka_unit_test(budgets_say_what_is_in_the_way),
        cmocka_unit_test(cheaper_one_is_asked_where_the_first_is_too_dear),
        cmocka_unit_test(patience_waits_for_the_minute_only),
        cmocka_unit_test(purse_is_named),
        cmocka_unit_test(paid_answer_is_given_again),
        cmocka_unit_test(book_that_finds_nothing_is_no_obstacle),
        cmocka_unit_test(nothing_is_asked_that_cannot_be_booked),
        cmocka_unit_test(settlement_is_tried_again),
        cmocka_unit_test(answer_counts_though_it_cannot_be_settled),
        cmocka_unit_test(budget_left_is_remembered),
        cmocka_unit_test(threads_never_exceed_the_budget),
        cmocka_unit_test(a_busy_provider_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
