// The report of experiments from the sums in the book: shares, means and their intervals.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "service/experiment_report.h"

// Latencies 100, 200 and 300; costs 0, 0, 300000 nano-dollars.
static const struct ledger_summary kept[] = {
    {.experiment = "trial",
     .variant = "best",
     .images = 3,
     .cloud_images = 1,
     .cost_nano_usd = {3, 300000, 9e10},
     .latency_ms = {3, 600, 140000},
     .confidence = {1, 0.5, 0.25},
     .clip_score = {2, 0.5, 0.125}},
    {.experiment = "trial",
     .variant = "best",
     .is_shadow = true,
     .images = 1,
     .agreement = {1, 0.75, 0.5625}},
};
static struct error failure;

static bool summarize(struct ledger *ledger, struct ledger_summary *summaries, size_t capacity,
                      size_t *count, struct error *err) {
    (void)ledger;
    assert_true(capacity >= 2);
    memcpy(summaries, kept, sizeof kept);
    *count = 2;
    return failure.kind == ERROR_NONE || error_set(err, failure.kind, "%s", failure.text);
}

static const struct ledger_operations operations = {.summarize = summarize};
static struct ledger book = {&operations};

static void assert_near(double value, double wanted) {
    if (fabs(value - wanted) > 1e-9 * fmax(1, fabs(wanted)))
        fail_msg("%.17g, not %.17g", value, wanted);
}

static void sums_become_means_with_intervals(void **state) {
    (void)state;
    struct error err = {0};
    struct experiment_report *report = experiment_report_create(&book, &err);
    assert_non_null(report);
    assert_int_equal(report->count, 2);
    const struct experiment_line *line = &report->lines[0];
    assert_string_equal(line->experiment, "trial");
    assert_string_equal(line->variant, "best");
    assert_true(line->images == 3 && line->cloud_images == 1 && !line->is_shadow);
    assert_near(line->cloud_share.value, 1.0 / 3);
    // The shares x with |1/3 - x| = 1.959964 sqrt(x (1 - x) / 3), found by bisection.
    assert_true(fabs(line->cloud_share.low - 0.0614919) < 1e-6);
    assert_true(fabs(line->cloud_share.high - 0.7923404) < 1e-6);
    // Student's with two degrees of freedom: 4.302652730 * s / sqrt(3).
    assert_near(line->latency_ms.value, 200);
    assert_true(fabs(line->latency_ms.high - (200 + 4.302652730 * 100 / sqrt(3))) < 1e-4);
    assert_true(fabs(line->latency_ms.low - (200 - 4.302652730 * 100 / sqrt(3))) < 1e-4);
    assert_near(line->cost_usd.value, 0.0001);
    double deviation = 0.0003 / sqrt(3);  // of 0, 0 and 0.0003
    assert_true(fabs(line->cost_usd.high - (0.0001 + 4.302652730 * deviation / sqrt(3))) < 1e-9);
    // One value has no interval.
    assert_near(line->confidence.value, 0.5);
    assert_true(isnan(line->confidence.low) && isnan(line->confidence.high));
    assert_near(line->clip_score.value, 0.25);
    assert_near(line->clip_score.low, 0.25);
    assert_true(isnan(line->agreement.value));
    assert_true(report->lines[1].is_shadow);
    assert_near(report->lines[1].agreement.value, 0.75);
    assert_true(isnan(report->lines[1].latency_ms.value));
    experiment_report_destroy(report);
}

static void a_book_that_fails_is_told(void **state) {
    (void)state;
    struct error err = {0};
    error_set(&failure, ERROR_UNAVAILABLE, "the database does not answer");
    assert_null(experiment_report_create(&book, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    error_clear(&failure);
}

static void out_of_memory_is_told(void **state) {
    (void)state;
    for (long nth = 1; nth <= 2; nth++) {
        struct error err = {0};
        memory_fail_nth(nth, false);
        struct experiment_report *report = experiment_report_create(&book, &err);
        memory_fail_nth(0, false);
        assert_null(report);
        assert_int_equal(err.kind, ERROR_INTERNAL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_become_means_with_intervals),
        cmocka_unit_test(a_book_that_fails_is_told),
        cmocka_unit_test(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
