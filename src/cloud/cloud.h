// Asking the cloud: the providers in the order wanted, within limits and budgets, each call in the
// book before it is made. Blocking; any thread.
//
// For each provider: the gate (provider_gate.h) lets the call in, the ledger reserves its ceiling,
// the provider is asked, the gate hears how it ended, the ledger settles. LIMITED, FAILED,
// UNREACHABLE and CUT_OFF are tried again at the same provider, CLOUD_ATTEMPTS times in all, after
// a pause with full jitter, on top of the one that the provider asks for, as long as the question's
// deadline and the gate's budget of retries allow; all else goes to the next provider at once. An
// answer that was paid for before, for the same bytes, model and prompt, is given again and costs
// nothing.
//
// What a call cost is what the provider says, else the tokens it tells at our prices, else, marked
// as estimated, the most that it can have been: so budgets hold. A failed call whose provider may
// have worked counts as that as well ("presumed"); one that surely did not costs nothing.
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
    struct ledger *ledger;       // borrowed; must outlive the cloud
    struct gate_options gate;
    struct ledger_limits limits;
    long timeout_ms;     // of one picture, retries and other providers included
    const char *prompt;  // borrowed; of questions that have none
};

struct cloud;

// ERROR_USAGE when a provider's model has no price. Takes what is owned over, also when it fails.
struct cloud *cloud_create(const struct cloud_options *options, struct error *err);
void cloud_destroy(struct cloud *cloud);  // takes NULL

struct cloud_order {
    const size_t *providers;  // indexes, in the order to ask
    size_t provider_count;
    const char *sha256;  // of the picture's file
    const char *reason;  // code; see ledger_request
    const char *purse;   // see ledger_request
    int64_t purse_daily_nano_usd;
    // How long it is waited, before the question's own time begins, for the limit of requests a
    // minute to let one through; 0: not. For bulk work.
    int64_t patience_ms;
    struct cloud_question question;  // timeout_ms 0: the cloud's; prompt NULL: likewise
    // Makes the picture for a provider, at most max_side; the question's jpeg, size, width and
    // height are filled. Called once for each size that is needed; freed with memory_free.
    bool (*make_picture)(void *context, uint32_t max_side, uint8_t **jpeg, size_t *size,
                         uint32_t *width, uint32_t *height, struct error *err);
    void *context;
};

// Why there is no caption: CLOUD_HAS_FAILED if any provider was asked, else what the ledger said
// last, else CLOUD_IS_AWAY.
enum cloud_obstacle {
    CLOUD_NO_OBSTACLE,
    CLOUD_IS_AWAY,         // gates closed, objections, not one was asked
    CLOUD_IS_OVER_BUDGET,  // the ledger: money
    CLOUD_IS_LIMITED,      // the ledger or a gate: requests of the minute
    CLOUD_IS_BUSY,         // a gate: as many requests at once as may be
    CLOUD_IS_OVER_DAY,     // the ledger: requests of the day
    CLOUD_HAS_FAILED,      // asked, without a caption
};

struct cloud_result {
    struct cloud_answer answer;
    size_t provider;        // its index; of the last one tried where there is no answer
    int64_t cost_nano_usd;  // of every attempt, failed ones included
    bool is_estimated;      // wholly or in part
    bool is_cached;
    unsigned attempts;
    double duration_ms;  // all of it
    double book_ms;      // of which the ledger took
    enum cloud_obstacle obstacle;
    // What was in the way at each provider tried in vain, as a sentence; empty: nothing was.
    char words[CLOUD_REASON_SIZE];
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
// The most that a picture of this size costs there, as it would be sent. `model` NULL: the
// provider's own; `prompt` NULL: the cloud's. -1: no price is known for the model.
int64_t cloud_ceiling(const struct cloud *cloud, size_t provider, const char *model,
                      const char *prompt, uint32_t width, uint32_t height);
// Today's figures as this process knows them: asked of the book when calls are made and every few
// seconds, never here.
void cloud_spending(struct cloud *cloud, struct ledger_status *status);
// What is left of today's money: remembered for a second, or until this process writes into the
// book, so that decisions need not ask it. All of the day's money where the book does not answer:
// cloud_ask then says that it does not, and spends nothing.
int64_t cloud_budget_left(struct cloud *cloud);
