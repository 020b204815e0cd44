// What experiments observed.
#include "store/sqlite_ledger_private.h"

bool sqlite_ledger_observe(struct ledger *ledger, const struct ledger_observation *observation,
                           struct error *err) {
    enum sqlite_ledger_statement into = LEDGER_OBSERVE;
    struct sqlite_ledger *self = as_sqlite(ledger);
    sqlite_ledger_enter(self);
    sqlite_ledger_bind_text(self, into, 1, observation->experiment);
    sqlite_ledger_bind_text(self, into, 2, observation->variant);
    sqlite_ledger_bind_text(self, into, 3, observation->image_id);
    sqlite_ledger_bind_number(self, into, 4, observation->is_shadow);
    sqlite_ledger_bind_text(self, into, 5, observation->provider);
    sqlite_ledger_bind_text(self, into, 6, observation->model);
    sqlite_ledger_bind_text(self, into, 7, observation->caption);
    sqlite_ledger_bind_number(self, into, 8, observation->cost_nano_usd);
    sqlite_ledger_bind_real(self, into, 9, observation->latency_ms);
    sqlite_ledger_bind_real(self, into, 10, observation->confidence);
    sqlite_ledger_bind_real(self, into, 11, observation->clip_score);
    sqlite_ledger_bind_real(self, into, 12, observation->agreement);
    return sqlite_ledger_leave(self, sqlite_ledger_run(self, into, err));
}

static void read_sum(struct sqlite_ledger *self, int column, struct ledger_sum *sum) {
    sum->count = sqlite_ledger_read_number(self, LEDGER_SUMMARIZE, column);
    sum->sum = sqlite_ledger_read_real(self, LEDGER_SUMMARIZE, column + 1);
    sum->sum_of_squares = sqlite_ledger_read_real(self, LEDGER_SUMMARIZE, column + 2);
}

static void read_summary(struct sqlite_ledger *self, struct ledger_summary *summary) {
    enum sqlite_ledger_statement from = LEDGER_SUMMARIZE;
    *summary = (struct ledger_summary){0};
    sqlite_ledger_read_text(self, from, 0, summary->experiment, sizeof summary->experiment);
    sqlite_ledger_read_text(self, from, 1, summary->variant, sizeof summary->variant);
    summary->is_shadow = sqlite_ledger_read_number(self, from, 2) != 0;
    summary->images = sqlite_ledger_read_number(self, from, 3);
    summary->cloud_images = sqlite_ledger_read_number(self, from, 4);
    struct ledger_sum *const sums[] = {&summary->cost_nano_usd, &summary->latency_ms,
                                       &summary->confidence, &summary->clip_score,
                                       &summary->agreement};
    for (int i = 0; i < 5; i++) read_sum(self, 5 + 3 * i, sums[i]);
}

bool sqlite_ledger_summarize(struct ledger *ledger, struct ledger_summary *summaries,
                             size_t capacity, size_t *count, struct error *err) {
    struct sqlite_ledger *self = as_sqlite(ledger);
    int result;
    *count = 0;
    sqlite_ledger_enter(self);
    sqlite_ledger_bind_number(self, LEDGER_SUMMARIZE, 1, (int64_t)capacity);
    while ((result = sqlite_ledger_next(self, LEDGER_SUMMARIZE, err)) == SQLITE_ROW)
        read_summary(self, &summaries[(*count)++]);
    sqlite_ledger_finish(self, LEDGER_SUMMARIZE);
    return sqlite_ledger_leave(self, result == SQLITE_DONE);
}
