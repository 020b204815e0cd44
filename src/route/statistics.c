#include <math.h>
#include <stddef.h>

#include "route/statistics.h"

// The normal distribution's quantile of 0.975, for two-sided intervals of 95 %.
#define NORMAL_QUANTILE 1.959963984540054

// Student's quantile of 0.975. The expansion is Abramowitz and Stegun's 26.7.5; with more than ten
// degrees of freedom it is exact to 5e-6, and becomes the normal's as they grow. Below, the table.
static double student_quantile(int64_t degrees) {
    static const double table[] = {
        [1] = 12.706204736, [2] = 4.302652730, [3] = 3.182446305, [4] = 2.776445105,
        [5] = 2.570581836,  [6] = 2.446911851, [7] = 2.364624252, [8] = 2.306004135,
        [9] = 2.262157163,  [10] = 2.228138852};
    if ((size_t)degrees < sizeof table / sizeof *table) return table[degrees];
    double z = NORMAL_QUANTILE;
    double z2 = z * z;
    double v = (double)degrees;
    double first = z * (z2 + 1) / 4;
    double second = z * ((5 * z2 + 16) * z2 + 3) / 96;
    double third = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    double fourth = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
    return z + (first + (second + (third + fourth / v) / v) / v) / v;
}

struct estimate statistics_mean(int64_t count, double sum, double sum_of_squares) {
    double n = (double)count;
    struct estimate estimate = {sum / n, NAN, NAN};  // 0 / 0 is NAN too
    if (count < 2) return estimate;
    // Equal values may leave a little less than 0 by rounding.
    double variance = fmax((sum_of_squares - sum * estimate.value) / (n - 1), 0);
    double half = student_quantile(count - 1) * sqrt(variance / n);
    estimate.low = estimate.value - half;
    estimate.high = estimate.value + half;
    return estimate;
}

struct estimate statistics_share(int64_t hits, int64_t count) {
    if (count < 1) return (struct estimate){NAN, NAN, NAN};
    double n = (double)count;
    double share = (double)hits / n;
    double z2 = NORMAL_QUANTILE * NORMAL_QUANTILE;
    double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = sqrt(share * (1 - share) / n + z2 / (4 * n * n)) * NORMAL_QUANTILE / (1 + z2 / n);
    // Rounding must not put the share itself outside.
    return (struct estimate){share, fmax(fmin(middle - half, share), 0),
                             fmin(fmax(middle + half, share), 1)};
}
