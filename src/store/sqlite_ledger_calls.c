// Calls: reserved, settled, expired. Whatever changes sums looks and writes within one transaction
// that began with the write lock.
#include <string.h>

#include "base/clock.h"
#include "store/sqlite_ledger_private.h"

enum {
    FORGOTTEN_AT_ONCE = 4
};  // more than one comes: what is old shrinks, and nobody waits for it

static const char *purse_of(const struct ledger_request *request) {
    return request->purse == NULL ? "" : request->purse;
}

// `cost` and `outcome` are the call's own.
static bool close_call(struct sqlite_ledger *self, int64_t number, enum ledger_call_state state,
                       int64_t cost, const char *outcome, const struct ledger_change *change,
                       struct error *err) {
    sqlite_ledger_bind_number(self, LEDGER_CLOSE_CALL, 1, number);
    sqlite_ledger_bind_number(self, LEDGER_CLOSE_CALL, 2, state);
    sqlite_ledger_bind_number(self, LEDGER_CLOSE_CALL, 3, cost);
    sqlite_ledger_bind_text(self, LEDGER_CLOSE_CALL, 4, outcome);
    sqlite_ledger_bind_number(self, LEDGER_SETTLE_DAY, 1, number);
    sqlite_ledger_bind_number(self, LEDGER_SETTLE_DAY, 2, change->reserved_nano_usd);
    sqlite_ledger_bind_number(self, LEDGER_SETTLE_DAY, 3, change->cost_nano_usd);
    const int64_t numbers[] = {number,
                               change->requests,
                               change->answered,
                               change->cost_nano_usd,
                               change->estimated_nano_usd,
                               change->presumed_nano_usd,
                               change->input_tokens,
                               change->output_tokens};
    enum { NUMBER_COUNT = sizeof numbers / sizeof numbers[0] };
    for (int i = 0; i < NUMBER_COUNT; i++)
        sqlite_ledger_bind_number(self, LEDGER_ADD_TOTAL, i + 1, numbers[i]);
    sqlite_ledger_bind_real(self, LEDGER_ADD_TOTAL, NUMBER_COUNT + 1, change->duration_ms);
    bool is_closed = sqlite_ledger_run(self, LEDGER_CLOSE_CALL, err);
    bool is_settled = sqlite_ledger_run(self, LEDGER_SETTLE_DAY, err);
    return sqlite_ledger_run(self, LEDGER_ADD_TOTAL, err) && is_settled && is_closed;
}

// *is_found: the call *number with *ceiling has expired.
static bool find_expired(struct sqlite_ledger *self, int64_t now_ms, bool *is_found,
                         int64_t *number, int64_t *ceiling, struct error *err) {
    sqlite_ledger_bind_number(self, LEDGER_FIND_EXPIRED, 1, now_ms);
    int result = sqlite_ledger_next(self, LEDGER_FIND_EXPIRED, err);
    *is_found = result == SQLITE_ROW;
    if (*is_found) {
        *number = sqlite_ledger_read_number(self, LEDGER_FIND_EXPIRED, 0);
        *ceiling = sqlite_ledger_read_number(self, LEDGER_FIND_EXPIRED, 1);
    }
    sqlite_ledger_finish(self, LEDGER_FIND_EXPIRED);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

static bool presume_within(struct sqlite_ledger *self, int64_t now_ms, struct error *err) {
    bool is_found, is_done;
    int64_t number, ceiling;
    while ((is_done = find_expired(self, now_ms, &is_found, &number, &ceiling, err)) && is_found) {
        struct ledger_change change = ledger_change_of(LEDGER_CALL_OPEN, ceiling, NULL);
        if (!close_call(self, number, LEDGER_CALL_EXPIRED, ceiling, NULL, &change, err))
            return false;
    }
    return is_done;
}

bool sqlite_ledger_presume_expired(struct sqlite_ledger *self, int64_t now_ms, struct error *err) {
    bool is_found;
    int64_t number, ceiling;
    if (self->is_reader) return true;
    if (!find_expired(self, now_ms, &is_found, &number, &ceiling, err)) return false;
    return !is_found || (sqlite_ledger_run(self, LEDGER_BEGIN, err) &&
                         presume_within(self, now_ms, err) && sqlite_ledger_commit(self, err));
}

static bool forget_calls(struct sqlite_ledger *self, int64_t now_ms, struct error *err) {
    sqlite_ledger_bind_number(self, LEDGER_FORGET_CALLS, 1,
                              now_ms - (int64_t)LEDGER_CALL_DAYS * LEDGER_DAY_MS);
    sqlite_ledger_bind_number(self, LEDGER_FORGET_CALLS, 2, FORGOTTEN_AT_ONCE);
    return sqlite_ledger_run(self, LEDGER_FORGET_CALLS, err);
}

static bool is_minute_full(struct sqlite_ledger *self, int64_t per_minute, int64_t now_ms,
                           bool *is_full, struct error *err) {
    *is_full = per_minute <= 0;
    if (*is_full) return true;
    sqlite_ledger_bind_number(self, LEDGER_CALL_AGO, 1, per_minute - 1);
    int result = sqlite_ledger_next(self, LEDGER_CALL_AGO, err);
    *is_full = result == SQLITE_ROW &&
               ledger_is_this_minute(sqlite_ledger_read_number(self, LEDGER_CALL_AGO, 0), now_ms);
    sqlite_ledger_finish(self, LEDGER_CALL_AGO);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

static bool judge(struct sqlite_ledger *self, const struct ledger_request *request, int64_t now_ms,
                  enum ledger_verdict *verdict, struct error *err) {
    bool is_full;
    struct ledger_day day, purse = {0};
    int64_t today = now_ms / LEDGER_DAY_MS;
    if (!is_minute_full(self, request->limits.per_minute, now_ms, &is_full, err) ||
        !sqlite_ledger_get_day(self, today, "", &day, err) ||
        (request->purse != NULL &&
         !sqlite_ledger_get_day(self, today, request->purse, &purse, err)))
        return false;
    *verdict = ledger_judge(request, is_full, &day, &purse);
    return true;
}

static bool add_to_day(struct sqlite_ledger *self, int64_t day, const char *purse, int64_t ceiling,
                       struct error *err) {
    sqlite_ledger_bind_number(self, LEDGER_RESERVE_DAY, 1, day);
    sqlite_ledger_bind_text(self, LEDGER_RESERVE_DAY, 2, purse);
    sqlite_ledger_bind_number(self, LEDGER_RESERVE_DAY, 3, ceiling);
    return sqlite_ledger_run(self, LEDGER_RESERVE_DAY, err);
}

static bool add_call(struct sqlite_ledger *self, const struct ledger_request *request,
                     const struct ledger_call *call, int64_t now_ms, struct error *err) {
    int64_t ceiling = ledger_ceiling(request);
    const char *const texts[] = {purse_of(request), request->provider, request->model,
                                 request->reason};
    sqlite_ledger_bind_text(self, LEDGER_ADD_CALL, 1, call->id);
    sqlite_ledger_bind_number(self, LEDGER_ADD_CALL, 2, call->day);
    for (int i = 0; i < 4; i++) sqlite_ledger_bind_text(self, LEDGER_ADD_CALL, 3 + i, texts[i]);
    sqlite_ledger_bind_number(self, LEDGER_ADD_CALL, 7, now_ms);
    sqlite_ledger_bind_number(self, LEDGER_ADD_CALL, 8, now_ms + request->expires_in_ms);
    sqlite_ledger_bind_number(self, LEDGER_ADD_CALL, 9, ceiling);
    return sqlite_ledger_run(self, LEDGER_ADD_CALL, err) &&
           add_to_day(self, call->day, "", ceiling, err) &&
           (request->purse == NULL || add_to_day(self, call->day, request->purse, ceiling, err));
}

bool sqlite_ledger_reserve(struct ledger *ledger, const struct ledger_request *request,
                           struct ledger_call *call, enum ledger_verdict *verdict,
                           struct error *err) {
    struct sqlite_ledger *self = as_sqlite(ledger);
    if (!ledger_id_draw(call->id, err)) return false;
    sqlite_ledger_enter(self);
    bool is_done = sqlite_ledger_run(self, LEDGER_BEGIN, err);
    // Under the lock, so that calls have the order of their times.
    int64_t now_ms = clock_utc_ms();
    call->day = now_ms / LEDGER_DAY_MS;
    is_done = is_done && presume_within(self, now_ms, err) && forget_calls(self, now_ms, err) &&
              judge(self, request, now_ms, verdict, err) &&
              (*verdict != LEDGER_RESERVED || add_call(self, request, call, now_ms, err)) &&
              sqlite_ledger_commit(self, err);
    return sqlite_ledger_leave(self, is_done);
}

// *is_found: it is there and has not been settled.
static bool find_call(struct sqlite_ledger *self, const struct ledger_call *call, bool *is_found,
                      int64_t *number, int64_t *ceiling, enum ledger_call_state *state,
                      struct error *err) {
    sqlite_ledger_bind_text(self, LEDGER_FIND_CALL, 1, call->id);
    int result = sqlite_ledger_next(self, LEDGER_FIND_CALL, err);
    *is_found = result == SQLITE_ROW;
    if (*is_found) {
        *number = sqlite_ledger_read_number(self, LEDGER_FIND_CALL, 0);
        *ceiling = sqlite_ledger_read_number(self, LEDGER_FIND_CALL, 1);
        *state = (enum ledger_call_state)sqlite_ledger_read_number(self, LEDGER_FIND_CALL, 2);
        *is_found = *state != LEDGER_CALL_SETTLED;
    }
    sqlite_ledger_finish(self, LEDGER_FIND_CALL);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

bool sqlite_ledger_settle(struct ledger *ledger, const struct ledger_call *call,
                          const struct ledger_settlement *settlement, struct error *err) {
    struct sqlite_ledger *self = as_sqlite(ledger);
    bool is_found;
    int64_t number, ceiling;
    enum ledger_call_state state;
    sqlite_ledger_enter(self);
    bool is_done = sqlite_ledger_run(self, LEDGER_BEGIN, err) &&
                   find_call(self, call, &is_found, &number, &ceiling, &state, err);
    if (is_done && is_found) {
        struct ledger_change change = ledger_change_of(state, ceiling, settlement);
        is_done = close_call(self, number, LEDGER_CALL_SETTLED, ledger_cost(settlement),
                             settlement->outcome, &change, err) &&
                  (settlement->key == NULL ||
                   sqlite_ledger_keep_answer(self, settlement->key, settlement->answer, err)) &&
                  sqlite_ledger_commit(self, err);
    }
    return sqlite_ledger_leave(self, is_done) && sqlite_ledger_sync(self, err);
}
