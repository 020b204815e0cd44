// Whether a provider may be asked now: its circuit breaker, its rate limit, its cap on requests at
// once, and its budget of retries. One gate a provider, in memory; any thread. The time is passed
// in (clock_monotonic_ns), so that tests need not wait.
//
// Breaker: closed, until `threshold` failures in a row open it for `open_ms`. Then one request, the
// probe, is let through (half-open): if it succeeds the breaker closes, if it fails it opens again
// for twice as long, up to BREAKER_OPEN_MAX_MS. A provider that says when it will be back opens it
// at once until then, if that is longer than a question can wait; without credit it is left alone
// for a quarter of an hour where it does not say, and for five minutes when it does not take the
// key.
//
// The log tells when a breaker opens and when it closes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cloud/provider.h"

enum { BREAKER_OPEN_MAX_MS = 3600 * 1000 };

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };  // the original's 0, 1, 2

struct gate_options {
    unsigned threshold;  // failures in a row that open the breaker; 0: it never opens by itself
    int64_t open_ms;
    int64_t patience_ms;   // what a question can wait (cloud.c sets it: the time of one picture)
    unsigned per_minute;   // token bucket: as many at once, refilled evenly; 0: no limit
    unsigned concurrency;  // requests at once; 0: no limit
};

// What a gate says to someone who wants to ask.
enum gate_verdict { GATE_PASSES, GATE_BREAKER_OPEN, GATE_RATE_LIMITED, GATE_FULL };

struct gate_state {
    enum breaker_state breaker;
    int64_t opens_in_ms;  // until a probe is let through; 0 unless open (half-open from then on)
    unsigned failures;    // in a row
    unsigned in_flight;
    unsigned tokens;  // requests that the rate limit lets through at once now; UINT_MAX: no limit
    char last_failure[CLOUD_REASON_SIZE];  // words; empty: none since it last succeeded
};

struct provider_gate;

// What entering gives and leaving takes back: so a request that began before the breaker opened is
// not taken for the probe.
struct gate_pass {
    uint64_t era;  // of the breaker: counts its changes
};

// `name` is the provider's in the log; borrowed.
struct provider_gate *provider_gate_create(const char *name, const struct gate_options *options);
void provider_gate_destroy(struct provider_gate *gate);  // takes NULL
// What provider_gate_enter would say, without entering.
enum gate_verdict provider_gate_look(struct provider_gate *gate, int64_t now_ns);
// Takes a place (and a token, and the probe of a half-open breaker) if it says GATE_PASSES: to be
// left again, once.
enum gate_verdict provider_gate_enter(struct provider_gate *gate, int64_t now_ns,
                                      struct gate_pass *pass);
// `failure` NULL: it answered. A picture that is refused is no failure of the provider's.
void provider_gate_leave(struct provider_gate *gate, const struct gate_pass *pass,
                         const struct cloud_failure *failure, int64_t now_ns);
// Leaves without having asked: the token and the probe are given back.
void provider_gate_leave_unused(struct provider_gate *gate, const struct gate_pass *pass,
                                int64_t now_ns);
// Retries are at most a tenth of the requests that succeed, some at the beginning apart
// (reliability: at one layer, within a budget). true: it is taken from the budget.
bool provider_gate_may_retry(struct provider_gate *gate);
void provider_gate_state(struct provider_gate *gate, int64_t now_ns, struct gate_state *state);
