// What both ledgers agree on: when a call fits, what its day and its name are. Pure, but for the
// random name.
#pragma once

#include "cloud/ledger.h"

enum { LEDGER_MINUTE_MS = 60000 };

// What became of a call; kept as a number.
enum ledger_call_state {
    LEDGER_CALL_OPEN,
    LEDGER_CALL_EXPIRED,  // counted at its ceiling, until somebody settles it after all
    LEDGER_CALL_SETTLED,
};

// Of one day and purse.
struct ledger_day {
    int64_t requests, spent_nano_usd, reserved_nano_usd;
};

// The first limit that the call does not fit into, in the order of enum ledger_verdict. A call that
// costs nothing fits into every purse, be it overdrawn. `purse` is only read when the request has
// one.
enum ledger_verdict ledger_judge(const struct ledger_request *request, bool is_minute_full,
                                 const struct ledger_day *day, const struct ledger_day *purse);

// What is written down: never less than nothing.
int64_t ledger_ceiling(const struct ledger_request *request);
int64_t ledger_cost(const struct ledger_settlement *settlement);

// Whether the call made `per_minute` calls ago is in the last minute. A clock that was set back by
// more than a minute starts a new one.
bool ledger_is_this_minute(int64_t started_ms, int64_t now_ms);

// What a settlement changes in the sums of its day. Nothing is negative but by what was
// counted before; see ledger_change_of.
struct ledger_change {
    int64_t reserved_nano_usd;  // to take away
    int64_t cost_nano_usd;      // to add; negative where an expired call cost less than its ceiling
    int64_t estimated_nano_usd, presumed_nano_usd;  // to add, likewise
    int64_t requests, answered;
    int64_t input_tokens, output_tokens;
    double duration_ms;
};
// `settlement` is NULL for a call that has expired.
struct ledger_change ledger_change_of(enum ledger_call_state state, int64_t ceiling_nano_usd,
                                      const struct ledger_settlement *settlement);

bool ledger_id_draw(char id[static LEDGER_ID_SIZE], struct error *err);

// The part of an answer's key that stands for its prompt.
void ledger_prompt_sha256(const char *prompt, char hex[static LEDGER_SHA256_SIZE]);
