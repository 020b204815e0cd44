// What the ledger tells of money.
#include "base/clock.h"
#include "store/sqlite_ledger_private.h"

bool sqlite_ledger_get_day(struct sqlite_ledger *self, int64_t day, const char *purse,
                           struct ledger_day *sums, struct error *err) {
    sqlite_ledger_bind_number(self, LEDGER_GET_DAY, 1, day);
    sqlite_ledger_bind_text(self, LEDGER_GET_DAY, 2, purse);
    int result = sqlite_ledger_next(self, LEDGER_GET_DAY, err);
    *sums = (struct ledger_day){0};
    if (result == SQLITE_ROW) {
        sums->requests = sqlite_ledger_read_number(self, LEDGER_GET_DAY, 0);
        sums->spent_nano_usd = sqlite_ledger_read_number(self, LEDGER_GET_DAY, 1);
        sums->reserved_nano_usd = sqlite_ledger_read_number(self, LEDGER_GET_DAY, 2);
    }
    sqlite_ledger_finish(self, LEDGER_GET_DAY);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

static bool count_minute(struct sqlite_ledger *self, int64_t now_ms, int64_t *count,
                         struct error *err) {
    sqlite_ledger_bind_number(self, LEDGER_COUNT_MINUTE, 1, now_ms - LEDGER_MINUTE_MS);
    sqlite_ledger_bind_number(self, LEDGER_COUNT_MINUTE, 2, now_ms + LEDGER_MINUTE_MS);
    bool is_done = sqlite_ledger_next(self, LEDGER_COUNT_MINUTE, err) == SQLITE_ROW;
    if (is_done) *count = sqlite_ledger_read_number(self, LEDGER_COUNT_MINUTE, 0);
    sqlite_ledger_finish(self, LEDGER_COUNT_MINUTE);
    return is_done;
}

bool sqlite_ledger_status(struct ledger *ledger, struct ledger_status *status, struct error *err) {
    struct sqlite_ledger *self = as_sqlite(ledger);
    struct ledger_day day;
    sqlite_ledger_enter(self);
    int64_t now_ms = clock_utc_ms();
    bool is_done = sqlite_ledger_presume_expired(self, now_ms, err) &&
                   sqlite_ledger_run(self, LEDGER_BEGIN_READ, err) &&
                   sqlite_ledger_get_day(self, now_ms / LEDGER_DAY_MS, "", &day, err) &&
                   count_minute(self, now_ms, &status->requests_this_minute, err);
    if (is_done) {
        status->requests_today = day.requests;
        status->spent_nano_usd = day.spent_nano_usd;
        status->reserved_nano_usd = day.reserved_nano_usd;
    }
    return sqlite_ledger_leave(self, is_done);
}

static void read_line(struct sqlite_ledger *self, struct ledger_costs *line) {
    enum sqlite_ledger_statement from = LEDGER_LIST_COSTS;
    *line = (struct ledger_costs){0};
    line->day = sqlite_ledger_read_number(self, from, 0);
    sqlite_ledger_read_text(self, from, 1, line->provider, sizeof line->provider);
    sqlite_ledger_read_text(self, from, 2, line->model, sizeof line->model);
    sqlite_ledger_read_text(self, from, 3, line->reason, sizeof line->reason);
    line->requests = sqlite_ledger_read_number(self, from, 4);
    line->answered = sqlite_ledger_read_number(self, from, 5);
    line->cost_nano_usd = sqlite_ledger_read_number(self, from, 6);
    line->estimated_nano_usd = sqlite_ledger_read_number(self, from, 7);
    line->presumed_nano_usd = sqlite_ledger_read_number(self, from, 8);
    line->input_tokens = sqlite_ledger_read_number(self, from, 9);
    line->output_tokens = sqlite_ledger_read_number(self, from, 10);
    line->duration_ms = sqlite_ledger_read_real(self, from, 11);
}

bool sqlite_ledger_list_costs(struct ledger *ledger, int64_t from_day, struct ledger_costs *lines,
                              size_t capacity, size_t *count, struct error *err) {
    struct sqlite_ledger *self = as_sqlite(ledger);
    int result = SQLITE_DONE;
    *count = 0;
    sqlite_ledger_enter(self);
    bool is_done = sqlite_ledger_presume_expired(self, clock_utc_ms(), err);
    if (is_done) {
        sqlite_ledger_bind_number(self, LEDGER_LIST_COSTS, 1, from_day);
        sqlite_ledger_bind_number(self, LEDGER_LIST_COSTS, 2, (int64_t)capacity);
        while ((result = sqlite_ledger_next(self, LEDGER_LIST_COSTS, err)) == SQLITE_ROW)
            read_line(self, &lines[(*count)++]);
        sqlite_ledger_finish(self, LEDGER_LIST_COSTS);
    }
    return sqlite_ledger_leave(self, is_done && result == SQLITE_DONE);
}
