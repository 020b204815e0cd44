// Means and shares with their confidence intervals of 95 %, from sums that can be added up in a
// database. Pure.
#pragma once

#include <stdint.h>

struct estimate {
    double value;      // NAN: nothing was counted
    double low, high;  // of the interval; NAN: too little was counted
};

// The mean of `count` values of which the sum and the sum of squares are known. Student's t, so it
// holds for few values, if they are roughly normal; one value has no interval.
struct estimate statistics_mean(int64_t count, double sum, double sum_of_squares);

// The share of `hits` in `count`: Wilson's score interval, which stays within 0 and 1 and holds for
// few too.
struct estimate statistics_share(int64_t hits, int64_t count);
