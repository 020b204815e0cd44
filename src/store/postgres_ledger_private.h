// Between the files of the ledger on PostgreSQL.
#pragma once

#include "store/ledger_rules.h"
#include "store/postgres_ledger.h"
#include "store/postgres_pool.h"

// A transaction that no other ledger's overlaps. Its statements see what was committed before. A
// program that is suspended in the middle loses its connection, and the lock with it, and does it
// again when it wakes.
#define LEDGER_BEGIN                                         \
    "BEGIN ISOLATION LEVEL READ COMMITTED; "                 \
    "SET LOCAL idle_in_transaction_session_timeout = '3s'; " \
    "SELECT pg_advisory_xact_lock(7595443212346)"
#define LEDGER_NOW "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
// A sum that stays at the largest number instead of running over; `more` may be negative.
#define LEDGER_SUM(sum, more) "(least(" more ", 9223372036854775807 - " sum ") + " sum ")::bigint"

struct postgres_ledger {
    struct ledger ledger;
    struct postgres_pool *pool;
};

static inline struct postgres_pool *ledger_pool(struct ledger *ledger) {
    return ((struct postgres_ledger *)ledger)->pool;
}

int64_t postgres_ledger_number(const PGresult *result, int row, int column);  // of NULL: 0
double postgres_ledger_real(const PGresult *result, int row, int column);     // of NULL: NAN
void postgres_ledger_text(const PGresult *result, int row, int column, char *text, size_t size);
// NAN is SQL's NULL.
void postgres_ledger_add_real(struct postgres_parameters *parameters, double number);

// postgres_ledger_calls.c
bool postgres_ledger_reserve(struct ledger *ledger, const struct ledger_request *request,
                             struct ledger_call *call, enum ledger_verdict *verdict,
                             struct error *err);
bool postgres_ledger_settle(struct ledger *ledger, const struct ledger_call *call,
                            const struct ledger_settlement *settlement, struct error *err);
// Outside of a transaction: counts calls that have expired at their ceilings.
bool postgres_ledger_presume_expired(struct postgres_connection *connection, struct error *err);

// postgres_ledger_answers.c
bool postgres_ledger_find_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                                 struct cloud_answer *answer, bool *is_found, struct error *err);
// In the caller's transaction.
bool postgres_ledger_keep_answer(struct postgres_connection *connection,
                                 const struct ledger_answer_key *key,
                                 const struct cloud_answer *answer, struct error *err);

// postgres_ledger_experiments.c
bool postgres_ledger_observe(struct ledger *ledger, const struct ledger_observation *observation,
                             struct error *err);
bool postgres_ledger_summarize(struct ledger *ledger, struct ledger_summary *summaries,
                               size_t capacity, size_t *count, struct error *err);
