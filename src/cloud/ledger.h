// The book of what is asked of cloud providers: budgets, what was spent, the answers that were paid
// for, and what experiments observed. Kept with the data, by a store's own means (store/
// sqlite_ledger.h, store/postgres_ledger.h), so it holds across threads, processes, restarts and
// kill -9, and with PostgreSQL across servers on several machines. Any thread.
//
// Money is never spent before it is in the book: `reserve` writes down the most a call can cost, or
// refuses; then the call is made; `settle` writes down what it did cost. A crash between the two
// leaves the reservation. It expires when the call must be long over, and is from then on told as
// "presumed": the provider may have billed it, so it goes on counting for its day, and no budget is
// ever exceeded. Days are UTC.
//
// Errors of all: ERROR_UNAVAILABLE (the store's server is away), ERROR_STORAGE.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "cloud/provider.h"

enum {
    LEDGER_ID_SIZE = 33,  // 128 random bits as hex
    LEDGER_NAME_SIZE = 64,
    LEDGER_REASON_SIZE = 32,
    LEDGER_SHA256_SIZE = 65,
    LEDGER_DAY_MS = 24 * 3600 * 1000,
    // Answers kept, oldest ones go first: some 100 MB at the most.
    LEDGER_ANSWERS_MAX = 100000,
    // Days that single calls are kept; the sums of days stay.
    LEDGER_CALL_DAYS = 2,
};

// For every provider together. A call must fit into all three. 0 of a count: no call at all; money:
// only calls that cost nothing.
struct ledger_limits {
    int64_t per_minute;
    int64_t per_day;
    int64_t daily_nano_usd;
};

struct ledger_request {
    const char *provider;  // "openrouter"
    const char *model;
    const char *reason;  // code of route/reason_list.h, or "shadow"
    int64_t ceiling_nano_usd;
    int64_t expires_in_ms;  // after which the call is surely over
    struct ledger_limits limits;
    // A second purse that the call must fit into as well, for one purpose only ("shadow:NAME");
    // NULL: none.
    const char *purse;
    int64_t purse_daily_nano_usd;
};

enum ledger_verdict {
    LEDGER_RESERVED,
    LEDGER_OVER_MINUTE,
    LEDGER_OVER_DAY,     // requests
    LEDGER_OVER_BUDGET,  // money
    LEDGER_OVER_PURSE,
};

struct ledger_call {
    char id[LEDGER_ID_SIZE];
    int64_t day;  // since 1970, UTC: the one it counts for, whenever it is settled
};

// The key of an answer that may be used again: same bytes, same model, same question.
struct ledger_answer_key {
    const char *sha256;  // of the picture's file
    const char *provider;
    const char *model;
    const char *prompt;
};

struct ledger_settlement {
    const char *outcome;    // "answered", "limited", … : cloud_outcome_name
    int64_t cost_nano_usd;  // at most the ceiling counts against budgets as a rule; whatever it is
    bool is_estimated;      // from the price table, not from the provider
    bool is_presumed;       // nobody knows whether it was billed: cost_nano_usd is the ceiling
    int64_t input_tokens, output_tokens;  // -1: not told
    double duration_ms;
    // Kept in the same transaction, so that what was paid for is never paid for twice; NULL: none.
    const struct ledger_answer_key *key;
    const struct cloud_answer *answer;
};

// Of today.
struct ledger_status {
    int64_t requests_this_minute;  // in the last 60 seconds
    int64_t requests_today;        // settled, under way and presumed
    int64_t spent_nano_usd;        // settled, presumed included
    int64_t reserved_nano_usd;     // under way
};

// What is left of the day's money, not less than none.
int64_t ledger_budget_left(const struct ledger_limits *limits, const struct ledger_status *status);

// A line of the costs: the calls of one day, provider, model and reason.
struct ledger_costs {
    int64_t day;  // since 1970, UTC
    char provider[LEDGER_NAME_SIZE];
    char model[CLOUD_MODEL_SIZE];
    char reason[LEDGER_REASON_SIZE];
    int64_t requests;
    int64_t answered;
    int64_t cost_nano_usd;  // presumed and estimated included
    int64_t estimated_nano_usd;
    int64_t presumed_nano_usd;
    int64_t input_tokens, output_tokens;
    double duration_ms;  // the sum
};

struct ledger_observation {
    const char *experiment;
    const char *variant;
    const char *image_id;
    bool is_shadow;        // its caption was only kept beside
    const char *provider;  // "local" or a provider's name
    const char *model;
    const char *caption;
    int64_t cost_nano_usd;
    double latency_ms;
    double confidence;  // NAN: none; likewise the next two
    double clip_score;  // cosine of picture and caption
    double agreement;   // cosine of this caption and the other variant's
};

// Sums, from which means and confidence intervals follow. NAN values do not count.
struct ledger_sum {
    int64_t count;
    double sum, sum_of_squares;
};

struct ledger_summary {
    char experiment[LEDGER_NAME_SIZE];
    char variant[LEDGER_NAME_SIZE];
    bool is_shadow;
    int64_t images;
    int64_t cloud_images;  // answered by a provider
    struct ledger_sum cost_nano_usd, latency_ms, confidence, clip_score, agreement;
};

struct ledger;

struct ledger_operations {
    void (*destroy)(struct ledger *ledger);
    // true with *verdict LEDGER_RESERVED: the call may be made, and must be settled.
    bool (*reserve)(struct ledger *ledger, const struct ledger_request *request,
                    struct ledger_call *call, enum ledger_verdict *verdict, struct error *err);
    // Once a call; again it changes nothing.
    bool (*settle)(struct ledger *ledger, const struct ledger_call *call,
                   const struct ledger_settlement *settlement, struct error *err);
    bool (*status)(struct ledger *ledger, struct ledger_status *status, struct error *err);
    // Up to `capacity` lines of `from_day` and later, newest day first, then by cost.
    bool (*list_costs)(struct ledger *ledger, int64_t from_day, struct ledger_costs *lines,
                       size_t capacity, size_t *count, struct error *err);
    bool (*find_answer)(struct ledger *ledger, const struct ledger_answer_key *key,
                        struct cloud_answer *answer, bool *is_found, struct error *err);
    // An image's again replaces its former one of the same experiment and variant.
    bool (*observe)(struct ledger *ledger, const struct ledger_observation *observation,
                    struct error *err);
    // By experiment, variant, then is_shadow.
    bool (*summarize)(struct ledger *ledger, struct ledger_summary *summaries, size_t capacity,
                      size_t *count, struct error *err);
};

struct ledger {
    const struct ledger_operations *operations;
};

const char *cloud_outcome_name(enum cloud_outcome outcome);  // "answered", "limited", …
