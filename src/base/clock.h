// Time. Durations and deadlines use the monotonic clock; only what is stored or shown is UTC.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_monotonic_ns(void);
int64_t clock_utc_ms(void);  // milliseconds since 1970-01-01T00:00:00Z
int64_t clock_utc_ns(void);  // likewise nanoseconds
double clock_ms_since(int64_t started_monotonic_ns);
// A condition whose pthread_cond_timedwait takes times of the monotonic clock.
void clock_condition_init(pthread_cond_t *condition);

enum { CLOCK_TEXT_SIZE = 32 };
// "2026-11-23T01:02:03.004Z"
void clock_utc_text(int64_t utc_ms, char text[static CLOCK_TEXT_SIZE]);
