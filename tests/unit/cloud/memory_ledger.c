#include "memory_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static struct memory_ledger *self(struct ledger *ledger) { return (struct memory_ledger *)ledger; }

static void copy(char *to, size_t size, const char *text) {
    (void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static void destroy(struct ledger *ledger) {
    (void)pthread_mutex_destroy(&self(ledger)->mutex);
    memory_free(ledger);
}

static bool is_away(struct error *err) {
    return error_set(err, ERROR_UNAVAILABLE, "the store is away");
}

static int64_t purse_spent(const struct memory_ledger *book, const char *purse) {
    int64_t sum = 0;
    for (size_t i = 0; i < book->call_count; i++) {
        const struct memory_call *call = &book->calls[i];
        if (strcmp(call->purse, purse) == 0)
            sum += call->settlements > 0 ? call->settlement.cost_nano_usd : call->ceiling_nano_usd;
    }
    return sum;
}

// A minute is never over in a test.
static enum ledger_verdict judge(struct memory_ledger *book, const struct ledger_request *request) {
    int64_t count = (int64_t)book->call_count, ceiling = request->ceiling_nano_usd;
    if (book->minute_refusals > 0) {
        book->minute_refusals--;
        return LEDGER_OVER_MINUTE;
    }
    if (count >= request->limits.per_minute) return LEDGER_OVER_MINUTE;
    if (count >= request->limits.per_day) return LEDGER_OVER_DAY;
    if (book->spent_nano_usd + book->reserved_nano_usd + ceiling > request->limits.daily_nano_usd)
        return LEDGER_OVER_BUDGET;
    if (request->purse != NULL &&
        purse_spent(book, request->purse) + ceiling > request->purse_daily_nano_usd)
        return LEDGER_OVER_PURSE;
    return LEDGER_RESERVED;
}

static bool reserve(struct ledger *ledger, const struct ledger_request *request,
                    struct ledger_call *call, enum ledger_verdict *verdict, struct error *err) {
    struct memory_ledger *book = self(ledger);
    (void)pthread_mutex_lock(&book->mutex);
    book->reserves++;
    bool fails = book->fails_reserve || book->call_count == MEMORY_CALLS_MAX;
    if (!fails && (*verdict = judge(book, request)) == LEDGER_RESERVED) {
        struct memory_call *entry = &book->calls[book->call_count];
        copy(entry->provider, sizeof entry->provider, request->provider);
        copy(entry->model, sizeof entry->model, request->model);
        copy(entry->reason, sizeof entry->reason, request->reason);
        copy(entry->purse, sizeof entry->purse, request->purse);
        entry->ceiling_nano_usd = request->ceiling_nano_usd;
        entry->expires_in_ms = request->expires_in_ms;
        (void)snprintf(call->id, sizeof call->id, "%zu", book->call_count++);
        call->day = 20000;
        book->reserved_nano_usd += request->ceiling_nano_usd;
        if (book->spent_nano_usd + book->reserved_nano_usd > book->most_nano_usd)
            book->most_nano_usd = book->spent_nano_usd + book->reserved_nano_usd;
    }
    (void)pthread_mutex_unlock(&book->mutex);
    return !fails || is_away(err);
}

static void keep_answer(struct memory_ledger *book, const struct ledger_settlement *settlement) {
    if (settlement->answer == NULL || book->answer_count == MEMORY_ANSWERS_MAX) return;
    struct memory_answer *kept = &book->answers[book->answer_count++];
    copy(kept->sha256, sizeof kept->sha256, settlement->key->sha256);
    copy(kept->provider, sizeof kept->provider, settlement->key->provider);
    copy(kept->model, sizeof kept->model, settlement->key->model);
    copy(kept->prompt, sizeof kept->prompt, settlement->key->prompt);
    kept->answer = *settlement->answer;
}

static bool settle(struct ledger *ledger, const struct ledger_call *call,
                   const struct ledger_settlement *settlement, struct error *err) {
    struct memory_ledger *book = self(ledger);
    (void)pthread_mutex_lock(&book->mutex);
    book->settles++;
    bool fails = book->settle_failures > 0;
    if (fails) {
        book->settle_failures--;
    } else {
        struct memory_call *entry = &book->calls[strtoul(call->id, NULL, 10)];
        if (entry->settlements++ == 0) {
            entry->settlement = *settlement;
            entry->settlement.key = NULL;
            entry->settlement.answer = NULL;
            copy(entry->outcome, sizeof entry->outcome, settlement->outcome);
            book->reserved_nano_usd -= entry->ceiling_nano_usd;
            book->spent_nano_usd += settlement->cost_nano_usd;
            keep_answer(book, settlement);
        }
    }
    (void)pthread_mutex_unlock(&book->mutex);
    return !fails || is_away(err);
}

static bool status(struct ledger *ledger, struct ledger_status *now, struct error *err) {
    struct memory_ledger *book = self(ledger);
    (void)pthread_mutex_lock(&book->mutex);
    book->status_reads++;
    bool fails = book->fails_status;
    *now = (struct ledger_status){.requests_today = (int64_t)book->call_count,
                                  .spent_nano_usd = book->spent_nano_usd,
                                  .reserved_nano_usd = book->reserved_nano_usd};
    (void)pthread_mutex_unlock(&book->mutex);
    return !fails || is_away(err);
}

static bool find_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                        struct cloud_answer *answer, bool *is_found, struct error *err) {
    struct memory_ledger *book = self(ledger);
    (void)pthread_mutex_lock(&book->mutex);
    book->finds++;
    bool fails = book->fails_find;
    *is_found = false;
    for (size_t i = 0; i < book->answer_count && !*is_found && !fails; i++) {
        const struct memory_answer *kept = &book->answers[i];
        *is_found = strcmp(kept->sha256, key->sha256) == 0 &&
                    strcmp(kept->provider, key->provider) == 0 &&
                    strcmp(kept->model, key->model) == 0 && strcmp(kept->prompt, key->prompt) == 0;
        if (*is_found) *answer = kept->answer;
    }
    (void)pthread_mutex_unlock(&book->mutex);
    return !fails || is_away(err);
}

// What only endpoints and reports read is not there.
static const struct ledger_operations operations = {
    .destroy = destroy,
    .reserve = reserve,
    .settle = settle,
    .status = status,
    .find_answer = find_answer,
};

struct memory_ledger *memory_ledger_create(void) {
    struct memory_ledger *book = memory_alloc(sizeof *book);
    book->base.operations = &operations;
    (void)pthread_mutex_init(&book->mutex, NULL);
    return book;
}
