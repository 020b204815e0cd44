#include "store/ledger_rules.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/sha256.h"

static bool fits(int64_t ceiling, int64_t limit, const struct ledger_day *day) {
    int64_t used, wanted;
    if (ceiling <= 0) return true;
    return !__builtin_add_overflow(day->spent_nano_usd, day->reserved_nano_usd, &used) &&
           !__builtin_add_overflow(used, ceiling, &wanted) && wanted <= limit;
}

enum ledger_verdict ledger_judge(const struct ledger_request *request, bool is_minute_full,
                                 const struct ledger_day *day, const struct ledger_day *purse) {
    const struct ledger_limits *limits = &request->limits;
    if (is_minute_full || limits->per_minute <= 0) return LEDGER_OVER_MINUTE;
    if (day->requests >= limits->per_day) return LEDGER_OVER_DAY;
    if (!fits(request->ceiling_nano_usd, limits->daily_nano_usd, day)) return LEDGER_OVER_BUDGET;
    if (request->purse != NULL &&
        !fits(request->ceiling_nano_usd, request->purse_daily_nano_usd, purse))
        return LEDGER_OVER_PURSE;
    return LEDGER_RESERVED;
}

bool ledger_is_this_minute(int64_t started_ms, int64_t now_ms) {
    return started_ms > now_ms - LEDGER_MINUTE_MS && started_ms < now_ms + LEDGER_MINUTE_MS;
}

static int64_t not_negative(int64_t number) { return number < 0 ? 0 : number; }

int64_t ledger_ceiling(const struct ledger_request *request) {
    return not_negative(request->ceiling_nano_usd);
}

int64_t ledger_cost(const struct ledger_settlement *settlement) {
    return not_negative(settlement->cost_nano_usd);
}

struct ledger_change ledger_change_of(enum ledger_call_state state, int64_t ceiling_nano_usd,
                                      const struct ledger_settlement *settlement) {
    struct ledger_change change = {0};
    if (state == LEDGER_CALL_OPEN) {
        change.reserved_nano_usd = ceiling_nano_usd;
        change.requests = 1;
    } else {
        change.cost_nano_usd = -ceiling_nano_usd;
        change.presumed_nano_usd = -ceiling_nano_usd;
    }
    if (settlement == NULL) {
        change.cost_nano_usd = change.presumed_nano_usd = ceiling_nano_usd;
        return change;
    }
    int64_t cost = ledger_cost(settlement);
    change.cost_nano_usd += cost;
    if (settlement->is_estimated) change.estimated_nano_usd = cost;
    if (settlement->is_presumed) change.presumed_nano_usd += cost;
    change.answered = strcmp(settlement->outcome, cloud_outcome_name(CLOUD_ANSWERED)) == 0;
    change.input_tokens = not_negative(settlement->input_tokens);
    change.output_tokens = not_negative(settlement->output_tokens);
    change.duration_ms = settlement->duration_ms;
    return change;
}

bool ledger_id_draw(char id[static LEDGER_ID_SIZE], struct error *err) {
    uint8_t bytes[(LEDGER_ID_SIZE - 1) / 2];
    // So few bytes come whole or not at all.
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return error_set(err, ERROR_INTERNAL, "the system gives no random numbers");
    for (size_t i = 0; i < sizeof bytes; i++) (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

void ledger_prompt_sha256(const char *prompt, char hex[static LEDGER_SHA256_SIZE]) {
    uint8_t digest[SHA256_SIZE];
    sha256(prompt, strlen(prompt), digest);
    sha256_hex(digest, hex);
}
