// The expected figures are SciPy 1.17's: stats.t.interval(0.95, n - 1, mean, stats.sem(x)) of the
// values named, and stats.binomtest(hits, count).proportion_ci(0.95, "wilson").
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route/statistics.h"

// cmocka's own comparison takes NAN for equal to anything.
static void assert_near(double value, double expected, double slack) {
    if (!(fabs(value - expected) <= slack)) fail_msg("%.17g is not %.17g", value, expected);
}

static void assert_estimate(struct estimate estimate, double value, double low, double high) {
    assert_near(estimate.value, value, 1e-9 + 1e-9 * fabs(value));
    double slack = 3e-6 * (high - low) + 1e-9;  // of the quantile
    assert_near(estimate.low, low, slack);
    assert_near(estimate.high, high, slack);
}

static void test_means(void **state) {
    (void)state;
    assert_estimate(statistics_mean(2, 4, 10), 2, -10.706204736174694, 14.706204736174694);  // 1, 3
    // 410, 395, 502
    assert_estimate(statistics_mean(3, 1307, 576129), 435.6666666666667, 291.75095455109476,
                    579.5823787822386);
    // 0.31 0.28 0.35 0.30 0.27 0.33 0.29 0.36 0.25 0.32
    assert_estimate(statistics_mean(10, 3.06, 0.9474), 0.306, 0.28094548177310585,
                    0.33105451822689413);
    // 1 to 11: the last of the table; 1 to 30 and 1 to 1000: the expansion
    assert_estimate(statistics_mean(11, 66, 506), 6, 3.771861148013726, 8.228138851986273);
    assert_estimate(statistics_mean(30, 465, 9455), 15.5, 12.212753267540268, 18.78724673245973);
    assert_estimate(statistics_mean(1000, 500500, 333833500), 500.5, 482.5774006858811,
                    518.4225993141189);
}

// Of the values -1 and 1 in turn, k of each: the mean is 0, the standard error 1 / sqrt(2k - 1), so
// the upper end times that root is the quantile itself. stats.t.ppf(0.975, 2k - 1).
static void test_every_quantile_is_student_s(void **state) {
    (void)state;
    static const struct {
        int64_t degrees;
        double quantile;
    } expected[] = {
        {1, 12.706204736174694},  {3, 3.1824463052837078},  {5, 2.5705818356363146},
        {7, 2.364624251592784},   {9, 2.262157162798205},   {11, 2.200985160091639},
        {13, 2.1603686564627926}, {15, 2.1314495455597742}, {999, 1.9623414611334487},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int64_t degrees = expected[i].degrees;
        struct estimate estimate = statistics_mean(degrees + 1, 0, (double)(degrees + 1));
        assert_near(estimate.high * sqrt((double)degrees), expected[i].quantile, 6e-6);
    }
    // An odd count likewise: n values whose squares add up to n - 1 and which add up to 0.
    static const double even[] = {4.302652729749462, 2.7764451051977934, 2.4469118511449786,
                                  2.306004135204166, 2.228138851986274,  2.1788128296672284};
    for (size_t i = 0; i < sizeof even / sizeof *even; i++) {
        int64_t count = 2 * (int64_t)i + 3;
        struct estimate estimate = statistics_mean(count, 0, (double)(count - 1));
        assert_near(estimate.high * sqrt((double)count), even[i], 6e-6);
    }
}

static void test_too_few_have_no_interval(void **state) {
    (void)state;
    struct estimate none = statistics_mean(0, 0, 0);
    assert_true(isnan(none.value) && isnan(none.low) && isnan(none.high));
    struct estimate one = statistics_mean(1, 5, 25);
    assert_near(one.value, 5, 0);
    assert_true(isnan(one.low) && isnan(one.high));
    struct estimate share = statistics_share(0, 0);
    assert_true(isnan(share.value) && isnan(share.low) && isnan(share.high));
}

// Sums of 0.1 are not exact: the variance comes out as a little below 0.
static void test_equal_values_have_no_width(void **state) {
    (void)state;
    for (int64_t count = 2; count < 200; count++) {
        double sum = 0;
        double sum_of_squares = 0;
        for (int64_t i = 0; i < count; i++) {
            sum += 0.1;
            sum_of_squares += 0.1 * 0.1;
        }
        struct estimate estimate = statistics_mean(count, sum, sum_of_squares);
        assert_near(estimate.low, 0.1, 1e-6);
        assert_near(estimate.high, 0.1, 1e-6);
    }
}

static void test_shares(void **state) {
    (void)state;
    assert_estimate(statistics_share(0, 10), 0, 0, 0.27753279986288926);
    assert_estimate(statistics_share(10, 10), 1, 0.7224672001371109, 1);
    assert_estimate(statistics_share(1, 10), 0.1, 0.017876213095072896, 0.4041500267952385);
    assert_estimate(statistics_share(5, 10), 0.5, 0.236593090512564, 0.7634069094874361);
    assert_estimate(statistics_share(37, 200), 0.185, 0.13730192800616045, 0.24457062761151752);
    assert_estimate(statistics_share(0, 1), 0, 0, 0.7934506856227626);
    assert_estimate(statistics_share(1, 1), 1, 0.20654931437723745, 1);
    assert_estimate(statistics_share(999, 100000), 0.00999, 0.009392164345982404,
                    0.010625481272611228);
}

static void test_shares_stay_within_0_and_1(void **state) {
    (void)state;
    for (int64_t count = 1; count < 300; count++)
        for (int64_t hits = 0; hits <= count; hits++) {
            struct estimate estimate = statistics_share(hits, count);
            assert_true(estimate.low >= 0 && estimate.low <= estimate.value);
            assert_true(estimate.high <= 1 && estimate.high >= estimate.value);
            assert_true(estimate.low < estimate.high);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_every_quantile_is_student_s),
        cmocka_unit_test(test_too_few_have_no_interval),
        cmocka_unit_test(test_equal_values_have_no_width),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_shares_stay_within_0_and_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
