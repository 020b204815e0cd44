// The contract of cloud/ledger.h, held against both kinds of ledger. Clocks are the tests' own.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ledger_kind.h"

enum { LINES_MAX = 16 };

static enum ledger_verdict reserve_only(struct ledger *ledger,
                                        const struct ledger_request *request) {
    struct ledger_call call;
    return reserve_call(ledger, request, &call);
}

static size_t list_costs(struct ledger *ledger, int64_t from_day, struct ledger_costs *lines,
                         size_t capacity) {
    struct error err = {0};
    size_t count;
    if (!ledger->operations->list_costs(ledger, from_day, lines, capacity, &count, &err))
        fail_msg("list_costs: %s", err.text);
    return count;
}

static void move_clock(struct ledger_fixture *fixture, int64_t ms) {
    fixture->kind->move_clock(fixture, ms);
}

static void assert_status(struct ledger *ledger, int64_t requests, int64_t spent,
                          int64_t reserved) {
    struct ledger_status status = read_status(ledger);
    assert_int_equal(status.requests_today, requests);
    assert_int_equal(status.spent_nano_usd, spent);
    assert_int_equal(status.reserved_nano_usd, reserved);
}

static void money_fits_to_the_last_nano_dollar(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(400);
    struct ledger_call first;
    request.limits.daily_nano_usd = 1000;
    assert_int_equal(reserve_call(fixture->ledger, &request, &first), LEDGER_RESERVED);
    request.ceiling_nano_usd = 601;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    assert_status(fixture->ledger, 1, 0, 400);  // what is refused leaves nothing behind
    request.ceiling_nano_usd = 600;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    request.ceiling_nano_usd = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    settle_call(fixture->ledger, &first, 399);  // what was not needed is free again
    assert_status(fixture->ledger, 2, 399, 600);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
}

static void nothing_is_allowed_by_zero_but_what_is_free(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(0);
    request.limits.per_minute = 0;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_MINUTE);
    request.limits.per_minute = 10;
    request.limits.per_day = 0;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_DAY);
    request.limits.per_day = 10;
    request.limits.daily_nano_usd = 0;
    request.purse = "shadow:a";
    request.purse_daily_nano_usd = 0;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    request.ceiling_nano_usd = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    request.limits.daily_nano_usd = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_PURSE);
}

static void an_overdrawn_budget_still_allows_what_is_free(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(10);
    struct ledger_call call;
    request.limits.daily_nano_usd = 10;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    settle_call(fixture->ledger, &call, 25);  // whatever it is
    assert_status(fixture->ledger, 1, 25, 0);
    request.ceiling_nano_usd = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    request.ceiling_nano_usd = 0;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
}

static void a_minute_is_the_last_sixty_seconds(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(1);
    request.limits.per_minute = 2;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    move_clock(fixture, MINUTE_MS / 2);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_MINUTE);
    move_clock(fixture, MINUTE_MS / 2 - 5000);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_MINUTE);
    assert_int_equal(read_status(fixture->ledger).requests_this_minute, 2);
    move_clock(fixture, 5000);
    assert_int_equal(read_status(fixture->ledger).requests_this_minute, 1);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_MINUTE);
}

// A server's clock that was wrong must not stop all calls once it is right again.
static void a_clock_set_back_starts_a_new_minute(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(1);
    request.limits.per_minute = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    move_clock(fixture, -MINUTE_MS / 2);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_MINUTE);
    move_clock(fixture, -MINUTE_MS);
    assert_int_equal(read_status(fixture->ledger).requests_this_minute, 0);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
}

static void a_day_ends_at_midnight(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call, next;
    struct ledger_costs lines[LINES_MAX];
    request.limits.per_day = 1;
    request.limits.daily_nano_usd = 100;
    request.expires_in_ms = DAY_MS;
    move_clock(fixture, 12 * HOUR_MS - MINUTE_MS);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_DAY);
    move_clock(fixture, 2 * MINUTE_MS);
    assert_status(fixture->ledger, 0, 0, 0);
    assert_int_equal(reserve_call(fixture->ledger, &request, &next), LEDGER_RESERVED);
    assert_int_equal(next.day, call.day + 1);
    settle_call(fixture->ledger, &call, 70);  // of yesterday's money
    assert_status(fixture->ledger, 1, 0, 100);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 2);
    assert_int_equal(lines[0].day, next.day);
    assert_int_equal(lines[0].cost_nano_usd, 0);
    assert_int_equal(lines[0].requests, 1);
    assert_int_equal(lines[1].day, call.day);
    assert_int_equal(lines[1].cost_nano_usd, 70);
    assert_int_equal(list_costs(fixture->ledger, next.day, lines, LINES_MAX), 1);
}

static void a_purse_is_one_purpose_s_alone(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(60);
    struct ledger_call call;
    request.limits.daily_nano_usd = 200;
    request.purse = "shadow:first";
    request.purse_daily_nano_usd = 100;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_PURSE);
    request.purse = "shadow:second";
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    request.purse = NULL;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    settle_call(fixture->ledger, &call, 40);
    assert_status(fixture->ledger, 3, 40, 120);
    request.ceiling_nano_usd = 40;
    request.purse = "shadow:first";
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    request.ceiling_nano_usd = 1;  // nothing left of everybody's
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
}

static void a_call_is_settled_once(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    struct ledger_costs lines[LINES_MAX];
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    settle_call(fixture->ledger, &call, 30);
    settle_call(fixture->ledger, &call, 50);
    assert_status(fixture->ledger, 1, 30, 0);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 1);
    assert_int_equal(lines[0].requests, 1);
    assert_int_equal(lines[0].answered, 1);
    assert_int_equal(lines[0].cost_nano_usd, 30);
    struct ledger_call unknown = {.id = "00112233445566778899aabbccddeeff", .day = call.day};
    settle_call(fixture->ledger, &unknown, 50);
    assert_status(fixture->ledger, 1, 30, 0);
}

static void what_expires_is_presumed_until_it_is_settled(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    struct ledger_costs lines[LINES_MAX];
    request.limits.daily_nano_usd = 100;
    request.purse = "shadow:first";
    request.purse_daily_nano_usd = 100;
    request.expires_in_ms = 20000;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    move_clock(fixture, 15000);
    assert_status(fixture->ledger, 1, 0, 100);
    move_clock(fixture, 5000);
    assert_status(fixture->ledger, 1, 100, 0);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 1);
    assert_int_equal(lines[0].requests, 1);
    assert_int_equal(lines[0].answered, 0);
    assert_int_equal(lines[0].cost_nano_usd, 100);
    assert_int_equal(lines[0].presumed_nano_usd, 100);
    assert_int_equal(lines[0].estimated_nano_usd, 0);
    request.ceiling_nano_usd = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    request.limits.daily_nano_usd = 101;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_PURSE);
    request.limits.daily_nano_usd = 100;
    assert_int_equal(
        ledger_query(fixture, "SELECT reserved_nano_usd FROM %sdays WHERE purse <> ''"), 0);
    for (int i = 0; i < 2; i++) {
        settle_call(fixture->ledger, &call, 60);
        assert_status(fixture->ledger, 1, 60, 0);
        assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 1);
        assert_int_equal(lines[0].requests, 1);
        assert_int_equal(lines[0].answered, 1);
        assert_int_equal(lines[0].cost_nano_usd, 60);
        assert_int_equal(lines[0].presumed_nano_usd, 0);
    }
    request.ceiling_nano_usd = 40;  // of the purse, too
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
}

// Each of those that look must find what has expired, and nobody else having looked before.
static void whoever_looks_finds_what_has_expired(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_costs lines[LINES_MAX];
    for (int i = 0; i < 3; i++) assert_int_equal(reserve_only(fixture->ledger, &request), 0);
    move_clock(fixture, MINUTE_MS);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 1);
    assert_int_equal(lines[0].presumed_nano_usd, 300);
    assert_int_equal(reserve_only(fixture->ledger, &request), 0);
    move_clock(fixture, MINUTE_MS);
    assert_int_equal(reserve_only(fixture->ledger, &request), 0);
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %scalls WHERE state = 1"), 4);
    move_clock(fixture, MINUTE_MS);
    assert_status(fixture->ledger, 5, 500, 0);
}

static void costs_are_told_by_day_provider_model_and_reason(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_call call;
    struct ledger_costs lines[LINES_MAX];
    struct ledger_request request = sample_request(100);
    request.reason = "quality_high";
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    struct ledger_settlement settlement = {.outcome = "answered",
                                           .cost_nano_usd = 90,
                                           .is_estimated = true,
                                           .input_tokens = 1000,
                                           .output_tokens = 20,
                                           .duration_ms = 12.5};
    assert_true(fixture->ledger->operations->settle(fixture->ledger, &call, &settlement, NULL));
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    settlement = (struct ledger_settlement){.outcome = "timed_out",
                                            .cost_nano_usd = 100,
                                            .is_presumed = true,
                                            .input_tokens = -1,
                                            .output_tokens = -1,
                                            .duration_ms = 0.25};
    assert_true(fixture->ledger->operations->settle(fixture->ledger, &call, &settlement, NULL));
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);  // under way
    request.reason = "low_confidence";
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    settle_call(fixture->ledger, &call, 500);
    request.model = "a 'näme'";
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    request.provider = "openai";
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);

    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 4);
    assert_string_equal(lines[0].reason, "low_confidence");
    assert_int_equal(lines[0].cost_nano_usd, 500);
    assert_int_equal(lines[0].input_tokens, 0);
    assert_int_equal(lines[1].day, call.day);
    assert_string_equal(lines[1].provider, "openrouter");
    assert_string_equal(lines[1].model, "google/gemini");
    assert_string_equal(lines[1].reason, "quality_high");
    assert_int_equal(lines[1].requests, 3);
    assert_int_equal(lines[1].answered, 1);
    assert_int_equal(lines[1].cost_nano_usd, 190);
    assert_int_equal(lines[1].estimated_nano_usd, 90);
    assert_int_equal(lines[1].presumed_nano_usd, 100);
    assert_int_equal(lines[1].input_tokens, 1000);
    assert_int_equal(lines[1].output_tokens, 20);
    assert_true(lines[1].duration_ms == 12.75);
    assert_string_equal(lines[2].provider, "openai");  // at the same cost, by name
    assert_string_equal(lines[3].model, "a 'näme'");
    assert_int_equal(lines[3].requests, 1);
    assert_int_equal(lines[3].cost_nano_usd, 0);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, 2), 2);
    assert_int_equal(lines[1].cost_nano_usd, 190);
}

static void no_sum_runs_over(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(INT64_MAX);
    struct ledger_call call;
    struct ledger_costs lines[LINES_MAX];
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    request.ceiling_nano_usd = 1;
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    settle_call(fixture->ledger, &call, 1);
    assert_status(fixture->ledger, 1, 1, 0);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    settle_call(fixture->ledger, &call, INT64_MAX);
    assert_status(fixture->ledger, 2, INT64_MAX, 0);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 1);
    assert_int_equal(lines[0].cost_nano_usd, INT64_MAX);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
}

// Nothing that is wrong about a number may make a budget larger.
static void nothing_costs_less_than_nothing(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(-500);
    struct ledger_call call;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_status(fixture->ledger, 1, 0, 0);
    settle_call(fixture->ledger, &call, -500);
    assert_status(fixture->ledger, 1, 0, 0);
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %scalls WHERE cost_nano_usd = 0"),
                     1);
}

static void calls_are_forgotten_and_their_sums_stay(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    struct ledger_costs lines[LINES_MAX];
    for (int i = 0; i < 6; i++) {
        assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
        settle_call(fixture->ledger, &call, 100);
    }
    move_clock(fixture, (int64_t)LEDGER_CALL_DAYS * DAY_MS - HOUR_MS);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %scalls"), 7);
    move_clock(fixture, 2 * HOUR_MS);
    for (int i = 0; i < 2; i++)
        assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_RESERVED);
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %scalls"), 3);
    settle_call(fixture->ledger, &call, 1);  // much too late: it changes nothing
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 2);
    assert_int_equal(lines[1].cost_nano_usd, 600);
}

static void keep_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                        const struct cloud_answer *answer) {
    struct ledger_request request = sample_request(1);
    struct ledger_call call;
    struct error err = {0};
    struct ledger_settlement settlement = {.outcome = "answered", .key = key, .answer = answer};
    assert_int_equal(reserve_call(ledger, &request, &call), LEDGER_RESERVED);
    if (!ledger->operations->settle(ledger, &call, &settlement, &err)) fail_msg("%s", err.text);
}

static bool find_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                        struct cloud_answer *answer) {
    struct error err = {0};
    bool is_found;
    if (!ledger->operations->find_answer(ledger, key, answer, &is_found, &err))
        fail_msg("%s", err.text);
    return is_found;
}

static const struct ledger_answer_key sample_key = {
    .sha256 = "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592",
    .provider = "openrouter",
    .model = "google/gemini",
    .prompt = "What's in it?",
};
static const struct cloud_answer sample_answer = {.caption = "a \"cåt\"; DROP TABLE",
                                                  .tags = "cat\nsofa",
                                                  .model = "google/gemini-001",
                                                  .confidence = 0.125,
                                                  .input_tokens = 1000,
                                                  .output_tokens = -1,
                                                  .cost_nano_usd = 123456789};

static void an_answer_is_found_by_its_question_only(void **state) {
    struct ledger_fixture *fixture = *state;
    struct cloud_answer found;
    struct ledger_answer_key key = sample_key;
    assert_false(find_answer(fixture->ledger, &key, &found));
    keep_answer(fixture->ledger, &key, &sample_answer);
    for (int i = 0; i < 2; i++) {
        assert_true(find_answer(fixture->ledger, &key, &found));
        assert_string_equal(found.caption, sample_answer.caption);
        assert_string_equal(found.tags, sample_answer.tags);
        assert_string_equal(found.model, sample_answer.model);
        assert_true(found.confidence == sample_answer.confidence);
        assert_int_equal(found.input_tokens, 1000);
        assert_int_equal(found.output_tokens, -1);
        assert_int_equal(found.cost_nano_usd, 123456789);
        fixture->kind->close(fixture);
        ledger_fixture_open(fixture);
    }
    key.prompt = "What is in it?";
    assert_false(find_answer(fixture->ledger, &key, &found));
    key = sample_key;
    key.model = "google/gemini-pro";
    assert_false(find_answer(fixture->ledger, &key, &found));
    key = sample_key;
    key.provider = "openai";
    assert_false(find_answer(fixture->ledger, &key, &found));
    key = sample_key;
    key.sha256 = "e7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592";
    assert_false(find_answer(fixture->ledger, &key, &found));

    struct cloud_answer other = {.caption = "another", .confidence = NAN};
    keep_answer(fixture->ledger, &sample_key, &other);
    assert_true(find_answer(fixture->ledger, &sample_key, &found));
    assert_string_equal(found.caption, "another");
    assert_string_equal(found.tags, "");
    assert_true(isnan(found.confidence));
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %sanswers"), 1);
}

static void the_oldest_answers_go(void **state) {
    struct ledger_fixture *fixture = *state;
    struct cloud_answer found;
    struct ledger_answer_key key = sample_key;
    keep_answer(fixture->ledger, &key, &sample_answer);
    // One less than there may be, and the second oldest.
    (void)ledger_query(
        fixture,
        "WITH RECURSIVE counted (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM counted "
        "WHERE n < 99999) INSERT INTO %sanswers (number, sha256, provider, model, "
        "prompt_sha256, caption, tags, answered_model, input_tokens, output_tokens, "
        "cost_nano_usd) SELECT n, n || '', 'p', 'm', 'q', 'c', '', '', 0, 0, 0 "
        "FROM counted");
    key.prompt = "a second question";
    keep_answer(fixture->ledger, &key, &sample_answer);
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %sanswers"), LEDGER_ANSWERS_MAX);
    assert_true(find_answer(fixture->ledger, &sample_key, &found));
    keep_answer(fixture->ledger, &key, &sample_answer);  // the same again is no new one
    assert_true(find_answer(fixture->ledger, &sample_key, &found));
    key.prompt = "a third question";
    keep_answer(fixture->ledger, &key, &sample_answer);
    assert_int_equal(ledger_query(fixture, "SELECT count(*) FROM %sanswers"), LEDGER_ANSWERS_MAX);
    assert_false(find_answer(fixture->ledger, &sample_key, &found));
    assert_true(find_answer(fixture->ledger, &key, &found));
}

static void observe(struct ledger *ledger, const char *variant, const char *image, bool is_shadow,
                    const char *provider, double value) {
    struct error err = {0};
    struct ledger_observation observation = {.experiment = "prompts",
                                             .variant = variant,
                                             .image_id = image,
                                             .is_shadow = is_shadow,
                                             .provider = provider,
                                             .model = "m",
                                             .caption = "a \"cåt\"",
                                             .cost_nano_usd = 3000000000,
                                             .latency_ms = 12.5,
                                             .confidence = value,
                                             .clip_score = value / 2,
                                             .agreement = NAN};
    if (!ledger->operations->observe(ledger, &observation, &err)) fail_msg("%s", err.text);
}

static size_t summarize(struct ledger *ledger, struct ledger_summary *summaries, size_t capacity) {
    struct error err = {0};
    size_t count;
    if (!ledger->operations->summarize(ledger, summaries, capacity, &count, &err))
        fail_msg("%s", err.text);
    return count;
}

static void observations_are_replaced_and_summed(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_summary summaries[4];
    assert_int_equal(summarize(fixture->ledger, summaries, 4), 0);
    observe(fixture->ledger, "b", "1", true, "openrouter", 0.5);
    observe(fixture->ledger, "a", "1", false, "local", 0.75);
    observe(fixture->ledger, "a", "1", false, "local", 0.5);  // in place of the former
    observe(fixture->ledger, "a", "2", false, "openrouter", 0.25);
    observe(fixture->ledger, "a", "3", false, "local", NAN);
    assert_int_equal(summarize(fixture->ledger, summaries, 4), 2);
    const struct ledger_summary *first = &summaries[0];
    assert_string_equal(first->experiment, "prompts");
    assert_string_equal(first->variant, "a");
    assert_false(first->is_shadow);
    assert_int_equal(first->images, 3);
    assert_int_equal(first->cloud_images, 1);
    assert_int_equal(first->cost_nano_usd.count, 3);
    assert_true(first->cost_nano_usd.sum == 9e9);
    assert_true(first->cost_nano_usd.sum_of_squares == 27e18);  // more than an integer holds
    assert_int_equal(first->latency_ms.count, 3);
    assert_true(first->latency_ms.sum == 37.5);
    assert_int_equal(first->confidence.count, 2);
    assert_true(first->confidence.sum == 0.75);
    assert_true(first->confidence.sum_of_squares == 0.3125);
    assert_true(first->clip_score.sum == 0.375);
    assert_int_equal(first->agreement.count, 0);
    assert_true(first->agreement.sum == 0 && first->agreement.sum_of_squares == 0);
    assert_string_equal(summaries[1].variant, "b");
    assert_true(summaries[1].is_shadow);
    assert_int_equal(summarize(fixture->ledger, summaries, 1), 1);
}

static void everything_is_there_after_a_restart(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    struct ledger_costs lines[LINES_MAX];
    struct ledger_summary summary;
    request.limits.daily_nano_usd = 200;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    settle_call(fixture->ledger, &call, 30);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    observe(fixture->ledger, "a", "1", false, "local", 0.75);
    fixture->kind->close(fixture);
    ledger_fixture_open(fixture);
    assert_status(fixture->ledger, 2, 30, 100);
    assert_int_equal(read_status(fixture->ledger).requests_this_minute, 2);
    assert_int_equal(reserve_only(fixture->ledger, &request), LEDGER_OVER_BUDGET);
    settle_call(fixture->ledger, &call, 40);
    assert_status(fixture->ledger, 2, 70, 0);
    assert_int_equal(list_costs(fixture->ledger, 0, lines, LINES_MAX), 1);
    assert_int_equal(lines[0].cost_nano_usd, 70);
    assert_int_equal(summarize(fixture->ledger, &summary, 1), 1);
}

// With an argument: the kind of ledger to test.
int main(int argument_count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_fits_to_the_last_nano_dollar),
        cmocka_unit_test(nothing_is_allowed_by_zero_but_what_is_free),
        cmocka_unit_test(an_overdrawn_budget_still_allows_what_is_free),
        cmocka_unit_test(a_minute_is_the_last_sixty_seconds),
        cmocka_unit_test(a_clock_set_back_starts_a_new_minute),
        cmocka_unit_test(a_day_ends_at_midnight),
        cmocka_unit_test(a_purse_is_one_purpose_s_alone),
        cmocka_unit_test(a_call_is_settled_once),
        cmocka_unit_test(what_expires_is_presumed_until_it_is_settled),
        cmocka_unit_test(whoever_looks_finds_what_has_expired),
        cmocka_unit_test(costs_are_told_by_day_provider_model_and_reason),
        cmocka_unit_test(no_sum_runs_over),
        cmocka_unit_test(nothing_costs_less_than_nothing),
        cmocka_unit_test(calls_are_forgotten_and_their_sums_stay),
        cmocka_unit_test(an_answer_is_found_by_its_question_only),
        cmocka_unit_test(the_oldest_answers_go),
        cmocka_unit_test(observations_are_replaced_and_summed),
        cmocka_unit_test(everything_is_there_after_a_restart),
    };
    return ledger_kinds_run("ledger", tests, sizeof tests / sizeof tests[0], argument_count,
                            arguments);
}
