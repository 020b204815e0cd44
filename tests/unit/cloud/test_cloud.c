// A question's way through scripted providers: who is asked, how often, and with what.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cloud_world.h"

// Machines that run the tests may be busy; what would be waited for wrongly is longer than this.
enum { SLACK_MS = 1500, JITTER_MS = 250 };

static void answer_of_the_first_is_taken(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world.order.question.traceparent = "00-trace";
    world_start(&world);
    assert_true(world_ask(&world));
    assert_string_equal(world.result.answer.caption, "a cat, says openrouter");
    assert_string_equal(world.result.answer.model, "router-model-2025");
    assert_int_equal(world.result.provider, 0);
    assert_int_equal(world.result.attempts, 1);
    assert_int_equal(world.result.obstacle, CLOUD_NO_OBSTACLE);
    assert_string_equal(world.result.words, "");
    assert_false(world.result.is_cached);
    assert_true(world.result.duration_ms >= world.result.book_ms);
    const struct script *script = &scripts[PROVIDER_OPENROUTER];
    assert_string_equal(script->model, "router-model");
    assert_string_equal(script->prompt, "What is it?");
    assert_string_equal(script->traceparent, "00-trace");
    assert_int_equal(script->width, DEFAULT_SIDE);
    assert_int_equal(script->height, DEFAULT_SIDE / 2);
    assert_int_equal(script->size, DEFAULT_SIDE);
    assert_in_range(script->timeout_ms, WORLD_TIMEOUT_MS - SLACK_MS, WORLD_TIMEOUT_MS);
    assert_int_equal(times_asked(PROVIDER_OPENAI), 0);
    world_end(&world);
}

static void outcomes_are_retried_or_not(void **state) {
    (void)state;
    static const struct {
        struct step first;
        bool is_retried;
    } rows[] = {
        {FAILS(LIMITED), true},  {FAILS(FAILED), true},     {FAILS(UNREACHABLE), true},
        {FAILS(CUT_OFF), true},  {FAILS(BROKE), false},     {FAILS(DENIED), false},
        {FAILS(REFUSED), false}, {FAILS(TIMED_OUT), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world;
        struct cloud_provider_state after;
        world_init(&world);
        world_start(&world);
        script_set(PROVIDER_OPENROUTER, 2, (struct step[]){rows[i].first, ANSWERS});
        print_message("%s\n", cloud_outcome_name(rows[i].first.outcome));
        assert_true(world_ask(&world));
        assert_int_equal(world.result.attempts, 2);
        assert_int_equal(world.result.provider, rows[i].is_retried ? 0 : 1);
        assert_int_equal(times_asked(PROVIDER_OPENROUTER), rows[i].is_retried ? 2 : 1);
        assert_int_equal(times_asked(PROVIDER_OPENAI), rows[i].is_retried ? 0 : 1);
        cloud_provider_state(world.cloud, 0, &after);
        assert_int_equal(after.outcomes[rows[i].first.outcome], 1);
        assert_int_equal(after.outcomes[CLOUD_ANSWERED], rows[i].is_retried);
        assert_int_equal(after.kind, PROVIDER_OPENROUTER);
        assert_string_equal(after.model, "router-model");
        world_end(&world);
    }
}

static void three_attempts_are_the_most(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step)FAILS(FAILED));
    assert_true(world_ask(&world));
    assert_int_equal(times_asked(PROVIDER_OPENROUTER), CLOUD_ATTEMPTS);
    assert_int_equal(world.result.provider, 1);
    assert_int_equal(world.result.attempts, CLOUD_ATTEMPTS + 1);
    assert_string_equal(world.result.words, "openrouter: HTTP 505");
    world_end(&world);
}

static void words_name_everybody_shortest_first(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world.width = 60;  // google_vision objects
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_BROKE, 42000, false, -1, -1, -1, 0});
    script_set(PROVIDER_OPENAI, 1, &(struct step)FAILS(REFUSED));
    assert_false(world_ask(&world));
    assert_int_equal(world.result.obstacle, CLOUD_HAS_FAILED);
    assert_int_equal(world.result.attempts, 2);
    assert_string_equal(world.result.words,
                        "openai: HTTP 504; openrouter: HTTP 502; "
                        "google_vision: the picture is too small");
    assert_false(world_ask(&world));
    assert_string_equal(world.result.words,
                        "openai: HTTP 504; google_vision: the picture is too small; "
                        "openrouter is left alone for 42 s after 1 failure");
    world_end(&world);
}

static void retry_after_is_waited_for(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 2,
               (struct step[]){{CLOUD_LIMITED, 300, false, -1, -1, -1, 0}, ANSWERS});
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 0);
    assert_true(world.result.duration_ms >= 300);
    assert_true(world.result.duration_ms < 300 + JITTER_MS + SLACK_MS);
    world_end(&world);
}

static void pauses_are_jittered(void **state) {
    (void)state;
    enum { ROUNDS = 6 };
    double sum_ms = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct world world;
        world_init(&world);
        world_start(&world);
        script_set(PROVIDER_OPENROUTER, 2, (struct step[]){FAILS(UNREACHABLE), ANSWERS});
        assert_true(world_ask(&world));
        assert_int_equal(world.result.provider, 0);
        assert_true(world.result.duration_ms < JITTER_MS + SLACK_MS);
        sum_ms += world.result.duration_ms;
        world_end(&world);
    }
    assert_true(sum_ms > 20);  // by chance once in 10^9 runs it is not
}

static void no_pause_goes_beyond_the_deadline(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.question.timeout_ms = 2000;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_LIMITED, 2000, false, -1, -1, -1, 0});
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 1);
    assert_int_equal(times_asked(PROVIDER_OPENROUTER), 1);
    assert_true(world.result.duration_ms < SLACK_MS);
    world_end(&world);
}

static void later_attempts_have_what_time_is_left(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.question.timeout_ms = 2000;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_TIMED_OUT, -1, true, -1, -1, -1, 400});
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 1);
    assert_in_range(scripts[PROVIDER_OPENAI].timeout_ms, 1, 1600);
    world_end(&world);
}

static void without_time_nobody_is_asked(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.question.timeout_ms = 60;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_TIMED_OUT, -1, true, -1, -1, -1, 80});
    assert_false(world_ask(&world));
    assert_int_equal(world.result.obstacle, CLOUD_HAS_FAILED);
    assert_int_equal(times_asked(PROVIDER_OPENAI), 0);
    assert_non_null(strstr(world.result.words, "openai: no time was left"));
    world_end(&world);
}

static void one_that_is_broke_is_left_alone(void **state) {
    (void)state;
    struct world world;
    struct cloud_provider_state after;
    world_init(&world);
    world_start(&world);
    world.order.provider_count = 1;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_BROKE, 60000, false, -1, -1, -1, 0});
    assert_false(world_ask(&world));
    assert_false(world_ask(&world));
    assert_int_equal(times_asked(PROVIDER_OPENROUTER), 1);
    assert_int_equal(world.result.obstacle, CLOUD_IS_AWAY);
    assert_int_equal(world.result.attempts, 0);
    assert_string_equal(world.result.words, "openrouter is left alone for 60 s after 1 failure");
    cloud_provider_state(world.cloud, 0, &after);
    assert_int_equal(after.verdict, GATE_BREAKER_OPEN);
    assert_int_equal(after.gate.breaker, BREAKER_OPEN);
    assert_in_range(after.gate.opens_in_ms, 60000 - SLACK_MS, 60000);
    assert_string_equal(after.gate.last_failure, "HTTP 502");
    world_end(&world);
}

// A pause longer than any picture can wait.
static void patience_is_the_time_of_a_picture(void **state) {
    (void)state;
    struct world world;
    struct cloud_provider_state after;
    world_init(&world);
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1,
               &(struct step){CLOUD_LIMITED, WORLD_TIMEOUT_MS + 1, false, -1, -1, -1, 0});
    assert_true(world_ask(&world));
    cloud_provider_state(world.cloud, 0, &after);
    assert_int_equal(after.gate.breaker, BREAKER_OPEN);
    world_end(&world);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void open_breakers_cost_no_time(void **state) {
    (void)state;
    enum { ROUNDS = 101 };
    double durations_ms[ROUNDS];
    struct world world;
    world_init(&world);
    world.options.gate = (struct gate_options){.threshold = 1, .open_ms = 600000};
    world_start(&world);
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++)
        script_set((enum provider_kind)i, 1, &(struct step)FAILS(UNREACHABLE));
    assert_false(world_ask(&world));
    assert_int_equal(world.result.attempts, 3);  // no retries once the breaker has opened
    assert_int_equal(world.pictures_made, 2);
    for (int i = 0; i < ROUNDS; i++) {
        assert_false(world_ask(&world));
        assert_int_equal(world.result.attempts, 0);
        durations_ms[i] = world.result.duration_ms;
    }
    qsort(durations_ms, ROUNDS, sizeof durations_ms[0], by_size);
    assert_true(durations_ms[ROUNDS / 2] < 5);
    assert_int_equal(world.pictures_made, 2);  // nor any work
    world_end(&world);
}

// Neither is a pause begun at whose end the provider would still be left alone.
static void open_breaker_is_not_waited_for(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world.options.gate = (struct gate_options){.threshold = 1, .open_ms = 600000};
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_FAILED, 3000, false, -1, -1, -1, 0});
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 1);
    assert_true(world.result.duration_ms < SLACK_MS);
    world_end(&world);
}

static void retries_have_a_budget(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.provider_count = 1;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_FAILED, 0, false, -1, -1, -1, 0});
    for (int i = 0; i < 5; i++) {
        assert_false(world_ask(&world));
        assert_int_equal(world.result.attempts, CLOUD_ATTEMPTS);
    }
    assert_false(world_ask(&world));
    assert_int_equal(world.result.attempts, 1);
    world_end(&world);
}

static void limits_of_the_gate_lead_to_the_next(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world.options.gate = (struct gate_options){.per_minute = 1};
    world_start(&world);
    world.order.question.prompt = "first";
    assert_true(world_ask(&world));
    world.order.question.prompt = "second";
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 1);
    assert_string_equal(world.result.words, "openrouter has had its requests of this minute");
    world_end(&world);
}

// A failure is not hidden by what kept the question from being asked again.
static void failure_is_told_before_what_came_after(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world.options.gate = (struct gate_options){.per_minute = 1};
    world_start(&world);
    world.order.provider_count = 1;
    script_set(PROVIDER_OPENROUTER, 1, &(struct step){CLOUD_FAILED, 0, false, -1, -1, -1, 0});
    assert_false(world_ask(&world));
    assert_int_equal(world.result.attempts, 1);
    assert_int_equal(world.result.obstacle, CLOUD_HAS_FAILED);
    assert_string_equal(world.result.words, "openrouter: HTTP 505");
    world_end(&world);
}

static void question_may_name_a_model_and_a_prompt(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.question.model = "other";
    world.order.question.prompt = "Why?";
    assert_true(world_ask(&world));
    assert_string_equal(scripts[PROVIDER_OPENROUTER].model, "other");
    assert_string_equal(scripts[PROVIDER_OPENROUTER].prompt, "Why?");
    assert_string_equal(world.book->calls[0].model, "other");
    assert_int_equal(world.book->calls[0].ceiling_nano_usd / 1000000, 9000);
    assert_string_equal(world.book->answers[0].model, "other");
    assert_string_equal(world.book->answers[0].prompt, "Why?");
    world.order.question.model = "unpriced";
    assert_false(world_ask(&world));
    assert_int_equal(world.result.obstacle, CLOUD_IS_AWAY);
    assert_non_null(
        strstr(world.result.words, "openrouter: no price is known for the model unpriced"));
    world_end(&world);
}

static void pictures_are_made_once_a_size(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step)FAILS(REFUSED));
    script_set(PROVIDER_OPENAI, 1, &(struct step)FAILS(REFUSED));
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 2);
    assert_int_equal(world.pictures_made, 2);
    assert_int_equal(scripts[PROVIDER_OPENAI].width, DEFAULT_SIDE);
    assert_int_equal(scripts[PROVIDER_GOOGLE_VISION].width, GOOGLE_SIDE);
    world.fails_pictures = true;
    world.order.question.prompt = "again";
    assert_false(world_ask(&world));
    assert_int_equal(world.pictures_made, 4);
    assert_int_equal(world.result.attempts, 0);
    assert_non_null(strstr(world.result.words, "the picture cannot be made ready: out of memory"));
    world_end(&world);
}

// So that its connection is kept.
static void http_client_is_used_again(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    unsigned made_before = atomic_load(&clients_made);
    script_set(PROVIDER_OPENROUTER, 1, &(struct step)FAILS(REFUSED));
    assert_true(world_ask(&world));
    world.order.question.prompt = "again";
    assert_true(world_ask(&world));
    assert_int_equal(atomic_load(&clients_made), made_before + 1);
    world_end(&world);
}

static void without_an_http_client_nothing_is_booked(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    fails_clients = true;
    world.order.provider_count = 1;
    assert_false(world_ask(&world));
    fails_clients = false;
    assert_int_equal(world.result.obstacle, CLOUD_IS_AWAY);
    assert_string_equal(world.result.words, "openrouter: out of memory");
    assert_int_equal(world.book->reserves, 0);
    world_end(&world);
}

static void order_is_followed(void **state) {
    (void)state;
    static const size_t backwards[] = {2, 0};
    struct world world;
    world_init(&world);
    world_start(&world);
    world.order.providers = backwards;
    world.order.provider_count = 2;
    script_set(PROVIDER_GOOGLE_VISION, 1, &(struct step)FAILS(REFUSED));
    assert_true(world_ask(&world));
    assert_int_equal(world.result.provider, 0);
    assert_int_equal(times_asked(PROVIDER_GOOGLE_VISION), 1);
    assert_int_equal(times_asked(PROVIDER_OPENAI), 0);
    world_end(&world);
}

static void model_without_a_price_is_a_usage_error(void **state) {
    (void)state;
    struct world world;
    struct error err = {0};
    world_init(&world);
    struct provider_options options = {.kind = PROVIDER_IMGROUTER, .model = "unpriced"};
    world.options.providers[world.options.provider_count++] = provider_create(&options, NULL);
    assert_null(cloud_create(&world.options, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "the model unpriced of imgrouter"));
    assert_non_null(strstr(err.text, "--prices"));
    assert_non_null(strstr(err.text, "\"unpriced\" or \"*\" under \"imgrouter\""));
    world_clear(&world);
}

static void ceiling_is_of_the_size_that_is_sent(void **state) {
    (void)state;
    struct world world;
    world_init(&world);
    world_start(&world);
    int64_t base = ceiling_of(PROVIDER_OPENROUTER) - 1000 * 512 - 256;
    static const struct {
        uint32_t width, height, sent_width, sent_height;
    } rows[] = {
        {4000, 2000, 512, 256}, {2000, 4000, 256, 512}, {512, 512, 512, 512}, {100, 50, 100, 50},
        {513, 1, 512, 1},       {1000, 3, 512, 2},      {600, 600, 512, 512}, {3, 1000, 2, 512},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cloud_ceiling(world.cloud, 0, NULL, NULL, rows[i].width, rows[i].height),
                         base + 1000LL * rows[i].sent_width + rows[i].sent_height);
    assert_true(cloud_ceiling(world.cloud, 0, "other", NULL, 512, 512) >
                cloud_ceiling(world.cloud, 0, NULL, NULL, 512, 512));
    assert_true(cloud_ceiling(world.cloud, 0, NULL, "What, then, is it?", 512, 512) >
                cloud_ceiling(world.cloud, 0, NULL, NULL, 512, 512));
    assert_int_equal(cloud_ceiling(world.cloud, 0, "unpriced", NULL, 512, 512), -1);
    assert_string_equal(cloud_prompt(world.cloud), "What is it?");
    assert_int_equal(cloud_limits(world.cloud)->per_minute, 1000);
    assert_ptr_equal(cloud_ledger(world.cloud), &world.book->base);
    world_end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_of_the_first_is_taken),
        cmocka_unit_test(outcomes_are_retried_or_not),
        cmocka_unit_test(three_attempts_are_the_most),
        cmocka_unit_test(words_name_everybody_shortest_first),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(pauses_are_jittered),
        cmocka_unit_test(no_pause_goes_beyond_the_deadline),
        cmocka_unit_test(later_attempts_have_what_time_is_left),
        cmocka_unit_test(without_time_nobody_is_asked),
        cmocka_unit_test(one_that_is_broke_is_left_alone),
        cmocka_unit_test(patience_is_the_time_of_a_picture),
        cmocka_unit_test(open_breakers_cost_no_time),
        cmocka_unit_test(open_breaker_is_not_waited_for),
        cmocka_unit_test(retries_have_a_budget),
        cmocka_unit_test(limits_of_the_gate_lead_to_the_next),
        cmocka_unit_test(failure_is_told_before_what_came_after),
        cmocka_unit_test(question_may_name_a_model_and_a_prompt),
        cmocka_unit_test(pictures_are_made_once_a_size),
        cmocka_unit_test(http_client_is_used_again),
        cmocka_unit_test(without_an_http_client_nothing_is_booked),
        cmocka_unit_test(order_is_followed),
        cmocka_unit_test(model_without_a_price_is_a_usage_error),
        cmocka_unit_test(ceiling_is_of_the_size_that_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
