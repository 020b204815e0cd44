// What the cloud cost, and what experiments have shown, as the API tells it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_service.h"
#include "loopback.h"

enum { MS_PER_DAY = 86400000 };

// Not across midnight, when the day could change between the two looks.
static int64_t day_of_asking(const char *target, struct answer *answer) {
    int64_t before, after;
    do {
        before = clock_utc_ms() / MS_PER_DAY;
        *answer = loopback_get(target);
        after = clock_utc_ms() / MS_PER_DAY;
        if (before != after) answer_clear(answer);
    } while (before != after);
    return before;
}

static void today_comes_with_its_limits(void **state) {
    (void)state;
    struct answer answer;
    char wanted[512], date[CLOCK_TEXT_SIZE];
    int64_t day = day_of_asking("/costs", &answer);
    clock_utc_text(day * MS_PER_DAY, date);
    assert_int_equal(answer.status, 200);
    (void)snprintf(wanted, sizeof wanted,
                   "{\"currency\":\"USD\",\"today\":{\"date\":\"%.10s\",\"requests\":5,"
                   "\"requests_limit\":100,\"requests_this_minute\":2,"
                   "\"requests_per_minute_limit\":60,\"spent_usd\":1.200000001,"
                   "\"reserved_usd\":0.00054,\"budget_usd\":2.5,\"remaining_usd\":1.299459999},",
                   date);
    if (strncmp(answer.body, wanted, strlen(wanted)) != 0) fail_msg("%s", answer.body);
    assert_int_equal(fake.from_day, day - 6);  // a week, today included
    answer_clear(&answer);
}

// As after a budget was lowered in the middle of a day.
static void nothing_is_left_of_a_budget_that_is_exceeded(void **state) {
    (void)state;
    fake.status.spent_nano_usd = 3000000000;
    struct answer answer = loopback_get("/costs");
    assert_non_null(strstr(answer.body, "\"budget_usd\":2.5,\"remaining_usd\":0.0}"));
    answer_clear(&answer);
}

static void every_line_is_exact(void **state) {
    (void)state;
    struct answer answer = loopback_get("/costs");
    const char *wanted =
        "\"days\":[{\"date\":\"2025-12-02\",\"provider\":\"openrouter\","
        "\"model\":\"openai/gpt-4o-mini\",\"reason\":\"low_confidence\",\"requests\":4,"
        "\"answered\":3,\"cost_usd\":123456.789012345,\"estimated_usd\":1e-9,"
        "\"presumed_usd\":0.00043215,\"input_tokens\":8535,\"output_tokens\":27,"
        "\"mean_ms\":500.125},{\"date\":\"2025-12-01\",\"provider\":\"fake\",";
    if (strstr(answer.body, wanted) == NULL) fail_msg("%s", answer.body);
    assert_non_null(strstr(answer.body, "\"output_tokens\":0,\"mean_ms\":0.0}]}"));
    answer_clear(&answer);
}

static void without_costs_there_are_no_lines(void **state) {
    (void)state;
    memset(fake.costs, 0, sizeof fake.costs);
    struct answer answer = loopback_get("/costs");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"budget_usd\":2.5"));
    assert_non_null(strstr(answer.body, "\"days\":[]}"));
    answer_clear(&answer);
}

static void days_are_checked(void **state) {
    (void)state;
    static const char *const wrong[] = {"0", "367", "-1", "x", ""};
    struct answer answer;
    int64_t day = day_of_asking("/costs?days=1", &answer);
    assert_int_equal(fake.from_day, day);
    answer_clear(&answer);
    day = day_of_asking("/costs?days=366", &answer);
    assert_int_equal(fake.from_day, day - 365);
    answer_clear(&answer);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char target[64];
        (void)snprintf(target, sizeof target, "/costs?days=%s", wrong[i]);
        answer = loopback_get(target);
        assert_problem(&answer, 422);
        assert_non_null(strstr(answer.body, "days"));
        answer_clear(&answer);
    }
}

static void a_book_that_is_away_is_a_503(void **state) {
    (void)state;
    error_set(&fake.failure, ERROR_UNAVAILABLE, "the database does not answer");
    struct answer answer = loopback_get("/costs");
    assert_problem(&answer, 503);
    assert_non_null(answer_header(&answer, "Retry-After"));
    answer_clear(&answer);
}

static void experiments_are_told_with_their_intervals(void **state) {
    (void)state;
    struct answer answer = loopback_get("/experiments");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"running\":null,\"results\":[]}");
    answer_clear(&answer);
    fake.summary = (struct ledger_summary){.experiment = "trial",
                                           .variant = "best",
                                           .is_shadow = true,
                                           .images = 2,
                                           .cloud_images = 2,
                                           .cost_nano_usd = {2, 3, 5},
                                           .latency_ms = {2, 300, 45000},
                                           .agreement = {1, 0.1234567, 0.015}};
    static struct experiment experiment = {.name = "trial",
                                           .variants = {{.name = "best", .share_percent = 20},
                                                        {.name = "control", .share_percent = 80}},
                                           .variant_count = 2,
                                           .shadow_percent = 5,
                                           .shadow_daily_nano_usd = 250000001};
    loopback_run_experiment(&experiment);
    answer = loopback_get("/experiments");
    const char *wanted =
        "{\"running\":{\"name\":\"trial\",\"variants\":[{\"name\":\"best\","
        "\"share_percent\":20},{\"name\":\"control\",\"share_percent\":80}],"
        "\"shadow\":{\"variant\":\"best\",\"percent\":5,\"daily_budget_usd\":0.250000001}},"
        "\"results\":[{\"experiment\":\"trial\",\"variant\":\"best\",\"is_shadow\":true,"
        "\"images\":2,\"cloud_images\":2,\"cloud_share\":{\"value\":1.0,\"low\":0.34238,"
        "\"high\":1.0},\"cost_usd\":{\"value\":1.5e-9,";
    if (strncmp(answer.body, wanted, strlen(wanted)) != 0) fail_msg("%s", answer.body);
    assert_non_null(strstr(answer.body,
                           "\"latency_ms\":{\"value\":150.0,\"low\":150.0,\"high\":150.0},"
                           "\"confidence\":{\"value\":null,\"low\":null,\"high\":null}"));
    assert_non_null(
        strstr(answer.body, "\"agreement\":{\"value\":0.123457,\"low\":null,\"high\":null}}]}"));
    answer_clear(&answer);
    experiment.shadow_percent = 0;
    answer = loopback_get("/experiments");
    assert_non_null(strstr(answer.body, "\"shadow\":null},\"results\""));
    answer_clear(&answer);
    error_set(&fake.failure, ERROR_UNAVAILABLE, "the database does not answer");
    answer = loopback_get("/experiments");
    assert_problem(&answer, 503);
    answer_clear(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, loopback_reset)
        TEST(today_comes_with_its_limits),
        TEST(nothing_is_left_of_a_budget_that_is_exceeded),
        TEST(every_line_is_exact),
        TEST(without_costs_there_are_no_lines),
        TEST(days_are_checked),
        TEST(a_book_that_is_away_is_a_503),
        TEST(experiments_are_told_with_their_intervals),
    };
    return cmocka_run_group_tests(tests, loopback_setup, loopback_teardown);
}
