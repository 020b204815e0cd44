// Asking the cloud: the providers in the order wanted, within limits and budgets, each call in the
// book before it is made. Blocking; any thread.
//
// For each provider: the gate (provider_gate.h) lets the call in, the ledger reserves its ceiling,
// the provider is asked, the ledger settles, the gate hears how it ended. LIMITED, FAILED,
// UNREACHABLE and CUT_OFF are tried again at the same provider, CLOUD_ATTEMPTS times in all, after
// a pause with full jitter or the one that the provider asks for, as long as the question's
// deadline and the gate's budget of retries allow; all else goes to the next provider at once. An
// answer that was paid for before, for the same bytes, model and prompt, is given again and costs
// nothing.
#pragma once

#include "cloud/ledger.h"
#include "cloud/price_table.h"
#include "cloud/provider.h"
#include "cloud/provider_gate.h"

enum { CLOUD_PROVIDERS_MAX = 8, CLOUD_ATTEMPTS = 3 };

struct cloud_options {
    struct provider *providers[CLOUD_PROVIDERS_MAX];  // owned from then on; preferred first
    size_t provider_count;
    struct price_table *prices;  // owned
    struct ledger *ledger;       // owned
    struct gate_options gate;
    struct ledger_limits limits;
    long timeout_ms;     // of one picture, retries and other providers included
    const char *prompt;  // borrowed; of questions that have none
};

struct cloud;

// ERROR_USAGE when a provider's model has no price. Takes everything in *options over, also when it
// fails.
struct cloud *cloud_create(const struct cloud_options *options, struct error *err);
void cloud_destroy(struct cloud *cloud);  // takes NULL

struct cloud_order {
    const size_t *providers;  // indexes, in the order to ask
    size_t provider_count;
    const char *sha256;  // of the picture's file
    const char *reason;  // code; see ledger_request
    const char *purse;   // see ledger_request
    int64_t purse_daily_nano_usd;
    struct cloud_question question;  // timeout_ms 0: the cloud's; prompt NULL: likewise
    // Makes the picture for a provider, at most max_side; the question's jpeg, size, width and
    // height are filled. Called once for each size that is needed; freed with memory_free.
    bool (*make_picture)(void *context, uint32_t max_side, uint8_t **jpeg, size_t *size,
                         uint32_t *width, uint32_t *height, struct error *err);
    void *context;
};

// How the last provider asked (or not) ended; see cloud_ask.
enum cloud_obstacle {
    CLOUD_NO_OBSTACLE,
    CLOUD_IS_AWAY,         // gates closed, objections, not one was asked
    CLOUD_IS_OVER_BUDGET,  // the ledger: money
    CLOUD_IS_LIMITED,      // the ledger: requests of the minute or the day
    CLOUD_HAS_FAILED,      // asked, without a caption
};

struct cloud_result {
    struct cloud_answer answer;
    size_t provider;        // its index
    int64_t cost_nano_usd;  // of every attempt, failed ones included
    bool is_estimated;
    bool is_cached;
    unsigned attempts;
    double duration_ms;  // all of it
    double book_ms;      // of which the ledger took
    enum cloud_obstacle obstacle;
    char words[CLOUD_REASON_SIZE];  // what was in the way, a sentence
};

// false: *result says what was in the way and what it cost all the same. Never fails otherwise: a
// ledger that does not answer is an obstacle (CLOUD_IS_AWAY).
bool cloud_ask(struct cloud *cloud, const struct cloud_order *order, struct cloud_result *result);

struct cloud_provider_state {
    enum provider_kind kind;
    const char *model;
    const struct price *price;
    enum gate_verdict verdict;  // what it would say now
    struct gate_state gate;
    uint64_t outcomes[CLOUD_OUTCOME_COUNT];  // calls since the start
};

size_t cloud_provider_count(const struct cloud *cloud);
void cloud_provider_state(struct cloud *cloud, size_t provider, struct cloud_provider_state *state);
const struct ledger_limits *cloud_limits(const struct cloud *cloud);
struct ledger *cloud_ledger(struct cloud *cloud);
const char *cloud_prompt(const struct cloud *cloud);
// The most that a picture of this size costs there, as it would be sent.
int64_t cloud_ceiling(const struct cloud *cloud, size_t provider, uint32_t width, uint32_t height);
// What is left of today's money: remembered for a second, so that decisions need not ask the book.
int64_t cloud_budget_left(struct cloud *cloud);
