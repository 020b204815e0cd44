#include "cloud/provider_gate.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum {
    BROKE_MS = 15 * 60 * 1000,  // without credit, when the provider does not say until when
    DENIED_MS = 5 * 60 * 1000,  // somebody has to set another key
    // In tenths of a retry: what there is at the beginning, and what is saved up at most.
    RETRY_START = 100,
    RETRY_MAX = 1000,
    RETRY_COST = 10,
};

static const int64_t ns_per_ms = 1000000;
static const int64_t ns_per_minute = 60000000000;
// A provider may be mistaken about its calendar: it is asked once a month whatever it says.
static const int64_t stated_max_ms = 31LL * 24 * 3600 * 1000;

struct provider_gate {
    const char *name;
    struct gate_options options;
    int64_t token_ns;  // in which a token comes in
    pthread_mutex_t mutex;
    enum breaker_state breaker;  // under the mutex, as is what follows; half-open: a probe is out
    uint64_t era;
    int64_t opens_at_ns;  // while open
    int64_t pause_ms;     // of the next opening that the provider does not state
    unsigned failures;
    unsigned in_flight;
    int64_t full_at_ns;  // when the bucket has all its tokens again
    unsigned retry_tenths;
    char last_failure[CLOUD_REASON_SIZE];
};

static int64_t between(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

struct provider_gate *provider_gate_create(const char *name, const struct gate_options *options) {
    struct provider_gate *gate = memory_alloc(sizeof *gate);
    gate->name = name;
    gate->options = *options;
    gate->options.open_ms = between(options->open_ms, 1, BREAKER_OPEN_MAX_MS);
    gate->pause_ms = gate->options.open_ms;
    gate->retry_tenths = RETRY_START;
    // Rounded up, so that never more than per_minute come in in a minute.
    if (options->per_minute > 0)
        gate->token_ns = (ns_per_minute + options->per_minute - 1) / options->per_minute;
    (void)pthread_mutex_init(&gate->mutex, NULL);
    return gate;
}

void provider_gate_destroy(struct provider_gate *gate) {
    if (gate == NULL) return;
    (void)pthread_mutex_destroy(&gate->mutex);
    memory_free(gate);
}

// What is missing in the bucket, as the time that it takes to come in.
static int64_t missing_ns(const struct provider_gate *gate, int64_t now_ns) {
    return gate->full_at_ns > now_ns ? gate->full_at_ns - now_ns : 0;
}

static bool has_token(const struct provider_gate *gate, int64_t now_ns) {
    int64_t room_ns = gate->token_ns * ((int64_t)gate->options.per_minute - 1);
    return gate->options.per_minute == 0 || missing_ns(gate, now_ns) <= room_ns;
}

static bool is_probe_due(const struct provider_gate *gate, int64_t now_ns) {
    return gate->breaker == BREAKER_OPEN && now_ns >= gate->opens_at_ns;
}

static enum gate_verdict judge(const struct provider_gate *gate, int64_t now_ns) {
    if (gate->breaker != BREAKER_CLOSED && !is_probe_due(gate, now_ns)) return GATE_BREAKER_OPEN;
    if (gate->options.concurrency > 0 && gate->in_flight >= gate->options.concurrency)
        return GATE_FULL;
    return has_token(gate, now_ns) ? GATE_PASSES : GATE_RATE_LIMITED;
}

static void set_breaker(struct provider_gate *gate, enum breaker_state state) {
    gate->breaker = state;
    gate->era++;
}

enum gate_verdict provider_gate_look(struct provider_gate *gate, int64_t now_ns) {
    (void)pthread_mutex_lock(&gate->mutex);
    enum gate_verdict verdict = judge(gate, now_ns);
    (void)pthread_mutex_unlock(&gate->mutex);
    return verdict;
}

enum gate_verdict provider_gate_enter(struct provider_gate *gate, int64_t now_ns,
                                      struct gate_pass *pass) {
    (void)pthread_mutex_lock(&gate->mutex);
    enum gate_verdict verdict = judge(gate, now_ns);
    if (verdict == GATE_PASSES) {
        if (gate->breaker == BREAKER_OPEN) set_breaker(gate, BREAKER_HALF_OPEN);
        gate->in_flight++;
        gate->full_at_ns = now_ns + missing_ns(gate, now_ns) + gate->token_ns;
        pass->era = gate->era;
    }
    (void)pthread_mutex_unlock(&gate->mutex);
    return verdict;
}

// How long a failure says that the provider is to be left alone; 0: it does not say.
static int64_t stated_pause_ms(const struct provider_gate *gate,
                               const struct cloud_failure *failure) {
    int64_t told_ms = between(failure->retry_after_ms, 0, stated_max_ms);
    if (failure->outcome == CLOUD_DENIED) return DENIED_MS;
    if (failure->outcome == CLOUD_BROKE) return told_ms > 0 ? told_ms : BROKE_MS;
    return told_ms > gate->options.patience_ms ? told_ms : 0;
}

// Whether this failure of the breaker's present era is the one that opens it.
static bool is_last_straw(const struct provider_gate *gate) {
    return gate->breaker == BREAKER_HALF_OPEN ||
           (gate->options.threshold > 0 && gate->failures >= gate->options.threshold);
}

// Returns for how many milliseconds the breaker has opened; 0: it has not.
static int64_t take_failure(struct provider_gate *gate, bool is_of_this_era,
                            const struct cloud_failure *failure, int64_t now_ns) {
    int64_t stated_ms = stated_pause_ms(gate, failure);
    int64_t pause_ms = stated_ms;
    if (is_of_this_era) {
        gate->failures += gate->failures < UINT32_MAX;
        (void)snprintf(gate->last_failure, sizeof gate->last_failure, "%s", failure->words);
        if (stated_ms == 0 && is_last_straw(gate)) {
            pause_ms = gate->pause_ms;
            gate->pause_ms = between(2 * gate->pause_ms, 1, BREAKER_OPEN_MAX_MS);
        }
    }
    if (pause_ms == 0) return 0;
    int64_t opens_at_ns = now_ns + pause_ms * ns_per_ms;
    bool was_open = gate->breaker == BREAKER_OPEN;
    if (!was_open || opens_at_ns > gate->opens_at_ns) gate->opens_at_ns = opens_at_ns;
    if (!was_open) set_breaker(gate, BREAKER_OPEN);
    return was_open ? 0 : pause_ms;
}

// Returns whether the breaker has closed.
static bool take_success(struct provider_gate *gate, bool is_of_this_era) {
    gate->retry_tenths += gate->retry_tenths < RETRY_MAX;
    if (!is_of_this_era) return false;  // tells nothing about what came after it began
    gate->failures = 0;
    gate->last_failure[0] = '\0';
    if (gate->breaker == BREAKER_CLOSED) return false;
    gate->pause_ms = gate->options.open_ms;
    set_breaker(gate, BREAKER_CLOSED);
    return true;
}

void provider_gate_leave(struct provider_gate *gate, const struct gate_pass *pass,
                         const struct cloud_failure *failure, int64_t now_ns) {
    bool has_closed = false;
    int64_t opened_ms = 0;
    (void)pthread_mutex_lock(&gate->mutex);
    gate->in_flight--;
    bool is_of_this_era = pass->era == gate->era;
    if (failure == NULL || failure->outcome == CLOUD_REFUSED)
        has_closed = take_success(gate, is_of_this_era);
    else
        opened_ms = take_failure(gate, is_of_this_era, failure, now_ns);
    (void)pthread_mutex_unlock(&gate->mutex);
    if (has_closed) log_info("%s answers again", gate->name);
    if (opened_ms > 0)
        log_warning("%s is left alone for %lld s: %s", gate->name,
                    (long long)((opened_ms + 999) / 1000), failure->words);
}

void provider_gate_leave_unused(struct provider_gate *gate, const struct gate_pass *pass,
                                int64_t now_ns) {
    (void)pthread_mutex_lock(&gate->mutex);
    gate->in_flight--;
    gate->full_at_ns -= gate->token_ns;
    if (gate->breaker == BREAKER_HALF_OPEN && pass->era == gate->era) {
        gate->opens_at_ns = now_ns;  // the next one is the probe
        set_breaker(gate, BREAKER_OPEN);
    }
    (void)pthread_mutex_unlock(&gate->mutex);
}

bool provider_gate_may_retry(struct provider_gate *gate) {
    (void)pthread_mutex_lock(&gate->mutex);
    bool may_retry = gate->retry_tenths >= RETRY_COST;
    if (may_retry) gate->retry_tenths -= RETRY_COST;
    (void)pthread_mutex_unlock(&gate->mutex);
    return may_retry;
}

void provider_gate_state(struct provider_gate *gate, int64_t now_ns, struct gate_state *state) {
    (void)pthread_mutex_lock(&gate->mutex);
    *state = (struct gate_state){
        .breaker = is_probe_due(gate, now_ns) ? BREAKER_HALF_OPEN : gate->breaker,
        .failures = gate->failures,
        .in_flight = gate->in_flight,
        .tokens = UINT32_MAX,
    };
    if (state->breaker == BREAKER_OPEN)
        state->opens_in_ms = (gate->opens_at_ns - now_ns + ns_per_ms - 1) / ns_per_ms;
    if (gate->token_ns > 0) {
        int64_t full_ns = gate->token_ns * gate->options.per_minute;
        state->tokens = (unsigned)((full_ns - missing_ns(gate, now_ns)) / gate->token_ns);
    }
    (void)snprintf(state->last_failure, sizeof state->last_failure, "%s", gate->last_failure);
    (void)pthread_mutex_unlock(&gate->mutex);
}
