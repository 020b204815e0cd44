#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_monotonic_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_utc_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_utc_ms(void) { return clock_utc_ns() / 1000000; }

double clock_ms_since(int64_t started_monotonic_ns) {
    return (double)(clock_monotonic_ns() - started_monotonic_ns) / 1e6;
}

void clock_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void clock_utc_text(int64_t utc_ms, char text[static CLOCK_TEXT_SIZE]) {
    time_t seconds = (time_t)(utc_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL) parts = (struct tm){.tm_year = 70, .tm_mday = 1};
    char whole[24];
    (void)strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, CLOCK_TEXT_SIZE, "%s.%03dZ", whole, (int)(utc_ms % 1000));
}
