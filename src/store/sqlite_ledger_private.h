// Between the files of the ledger in a file. Statements run under the mutex: sqlite_ledger_enter
// and sqlite_ledger_leave.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/ledger_rules.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_ledger.h"

// A sum that stays at the largest number instead of running over; `more` may be negative.
#define LEDGER_SUM(sum, more) "min(" more ", 9223372036854775807 - " sum ") + " sum

// Every statement: name, SQL. Totals take a call's keys from its row.
#define SQLITE_LEDGER_STATEMENTS(STATEMENT)                                                         \
    STATEMENT(BEGIN, "BEGIN IMMEDIATE")                                                             \
    STATEMENT(BEGIN_READ, "BEGIN")                                                                  \
    STATEMENT(COMMIT, "COMMIT")                                                                     \
    STATEMENT(ROLLBACK, "ROLLBACK")                                                                 \
    STATEMENT(FIND_EXPIRED,                                                                         \
              "SELECT number, ceiling_nano_usd FROM calls WHERE state = 0 AND expires_ms <= ?1 "    \
              "LIMIT 1")                                                                            \
    STATEMENT(FORGET_CALLS,                                                                         \
              "DELETE FROM calls WHERE number IN (SELECT number FROM calls "                        \
              "WHERE started_ms < ?1 AND state <> 0 ORDER BY started_ms LIMIT ?2)")                 \
    STATEMENT(CALL_AGO,                                                                             \
              "SELECT started_ms FROM calls WHERE number = (SELECT max(number) FROM calls) - ?1")   \
    STATEMENT(GET_DAY,                                                                              \
              "SELECT requests, spent_nano_usd, reserved_nano_usd FROM days "                       \
              "WHERE day = ?1 AND purse = ?2")                                                      \
    STATEMENT(ADD_CALL,                                                                             \
              "INSERT INTO calls (id, day, purse, provider, model, reason, started_ms, "            \
              "expires_ms, ceiling_nano_usd, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "   \
              "0)")                                                                                 \
    STATEMENT(RESERVE_DAY,                                                                          \
              "INSERT INTO days (day, purse, requests, spent_nano_usd, reserved_nano_usd) "         \
              "VALUES (?1, ?2, 1, 0, ?3) ON CONFLICT DO UPDATE SET requests = requests + 1, "       \
              "reserved_nano_usd = reserved_nano_usd + ?3")                                         \
    STATEMENT(FIND_CALL, "SELECT number, ceiling_nano_usd, state FROM calls WHERE id = ?1")         \
    STATEMENT(CLOSE_CALL,                                                                           \
              "UPDATE calls SET state = ?2, cost_nano_usd = ?3, outcome = ?4 WHERE number = ?1")    \
    STATEMENT(SETTLE_DAY,                                                                         \
              "UPDATE days SET reserved_nano_usd = reserved_nano_usd - ?2, "                      \
              "spent_nano_usd = " LEDGER_SUM("spent_nano_usd", "?3") " "                          \
              "WHERE day = (SELECT day FROM calls WHERE number = ?1) "                            \
              "AND purse IN ('', (SELECT purse FROM calls WHERE number = ?1))") \
    STATEMENT(ADD_TOTAL,                                                                          \
              "INSERT INTO totals (day, provider, model, reason, requests, answered, "            \
              "cost_nano_usd, estimated_nano_usd, presumed_nano_usd, input_tokens, "              \
              "output_tokens, duration_ms) SELECT day, provider, model, reason, ?2, ?3, ?4, ?5, " \
              "?6, ?7, ?8, ?9 FROM calls WHERE number = ?1 ON CONFLICT DO UPDATE SET "            \
              "requests = requests + ?2, answered = answered + ?3, "                              \
              "cost_nano_usd = " LEDGER_SUM("cost_nano_usd", "?4") ", "                           \
              "estimated_nano_usd = " LEDGER_SUM("estimated_nano_usd", "?5") ", "                 \
              "presumed_nano_usd = " LEDGER_SUM("presumed_nano_usd", "?6") ", "                   \
              "input_tokens = " LEDGER_SUM("input_tokens", "?7") ", "                             \
              "output_tokens = " LEDGER_SUM("output_tokens", "?8") ", "                           \
              "duration_ms = duration_ms + ?9") \
    STATEMENT(COUNT_MINUTE,                                                                         \
              "SELECT count(*) FROM calls WHERE started_ms > ?1 AND started_ms < ?2")               \
    STATEMENT(LIST_COSTS,                                                                           \
              "SELECT day, provider, model, reason, sum(requests), sum(answered), "                 \
              "sum(cost_nano_usd) AS cost, sum(estimated_nano_usd), sum(presumed_nano_usd), "       \
              "sum(input_tokens), sum(output_tokens), sum(duration_ms) FROM ("                      \
              "SELECT * FROM totals WHERE day >= ?1 UNION ALL "                                     \
              "SELECT day, provider, model, reason, 1, 0, 0, 0, 0, 0, 0, 0.0 FROM calls "           \
              "WHERE state = 0 AND day >= ?1) GROUP BY day, provider, model, reason "               \
              "ORDER BY day DESC, cost DESC, provider, model, reason LIMIT ?2")                     \
    STATEMENT(FIND_ANSWER,                                                                          \
              "SELECT caption, tags, answered_model, confidence, input_tokens, output_tokens, "     \
              "cost_nano_usd FROM answers WHERE sha256 = ?1 AND provider = ?2 AND model = ?3 "      \
              "AND prompt_sha256 = ?4")                                                             \
    STATEMENT(KEEP_ANSWER,                                                                          \
              "INSERT INTO answers (sha256, provider, model, prompt_sha256, caption, tags, "        \
              "answered_model, confidence, input_tokens, output_tokens, cost_nano_usd) "            \
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "                              \
              "ON CONFLICT DO UPDATE SET caption = ?5, tags = ?6, answered_model = ?7, "            \
              "confidence = ?8, input_tokens = ?9, output_tokens = ?10, cost_nano_usd = ?11")       \
    STATEMENT(FORGET_ANSWERS,                                                                       \
              "DELETE FROM answers WHERE number <= (SELECT max(number) FROM answers) - ?1")         \
    STATEMENT(OBSERVE,                                                                              \
              "INSERT OR REPLACE INTO observations (experiment, variant, image_id, is_shadow, "     \
              "provider, model, caption, cost_nano_usd, latency_ms, confidence, clip_score, "       \
              "agreement) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")              \
    STATEMENT(SUMMARIZE,                                                                            \
              "SELECT experiment, variant, is_shadow, count(*), sum(provider <> 'local'), "         \
              "count(cost_nano_usd), total(cost_nano_usd), "                                        \
              "total(1.0 * cost_nano_usd * cost_nano_usd), "                                        \
              "count(latency_ms), total(latency_ms), total(latency_ms * latency_ms), "              \
              "count(confidence), total(confidence), total(confidence * confidence), "              \
              "count(clip_score), total(clip_score), total(clip_score * clip_score), "              \
              "count(agreement), total(agreement), total(agreement * agreement) "                   \
              "FROM observations GROUP BY experiment, variant, is_shadow "                          \
              "ORDER BY experiment, variant, is_shadow LIMIT ?1")

enum sqlite_ledger_statement {
#define STATEMENT_ID(name, sql) LEDGER_##name,
    SQLITE_LEDGER_STATEMENTS(STATEMENT_ID)
#undef STATEMENT_ID
        LEDGER_COUNT_OF_STATEMENTS
};

struct sqlite_ledger {
    struct ledger ledger;
    bool is_reader;
    pthread_mutex_t mutex;
    struct sqlite_connection connection;  // under the mutex; its own statements are the store's
    sqlite3_stmt *statements[LEDGER_COUNT_OF_STATEMENTS];
    atomic_uint_fast64_t commits;  // that are in the write-ahead log
    pthread_mutex_t sync_mutex;
    uint64_t synced_commits;  // of them, on disk; under the sync_mutex
    int log_file;             // the write-ahead log once more, to sync it; -1: a reader
};

static inline struct sqlite_ledger *as_sqlite(struct ledger *ledger) {
    return (struct sqlite_ledger *)ledger;
}

void sqlite_ledger_enter(struct sqlite_ledger *self);
// Has the disk take what was committed until now. Outside of enter and leave: nobody else waits.
bool sqlite_ledger_sync(struct sqlite_ledger *self, struct error *err);
// Rolls back what has not been committed. Returns is_done.
bool sqlite_ledger_leave(struct sqlite_ledger *self, bool is_done);

bool sqlite_ledger_commit(struct sqlite_ledger *self, struct error *err);

// As the functions of sqlite_connection.h without "ledger".
bool sqlite_ledger_run(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                       struct error *err);
int sqlite_ledger_next(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                       struct error *err);
void sqlite_ledger_finish(struct sqlite_ledger *self, enum sqlite_ledger_statement statement);
void sqlite_ledger_bind_text(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                             int parameter, const char *text);
void sqlite_ledger_bind_number(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                               int parameter, int64_t number);
// NAN is SQL's NULL.
void sqlite_ledger_bind_real(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                             int parameter, double number);
void sqlite_ledger_read_text(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                             int column, char *text, size_t size);
int64_t sqlite_ledger_read_number(struct sqlite_ledger *self,
                                  enum sqlite_ledger_statement statement, int column);
double sqlite_ledger_read_real(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                               int column);

// sqlite_ledger_calls.c
bool sqlite_ledger_reserve(struct ledger *ledger, const struct ledger_request *request,
                           struct ledger_call *call, enum ledger_verdict *verdict,
                           struct error *err);
bool sqlite_ledger_settle(struct ledger *ledger, const struct ledger_call *call,
                          const struct ledger_settlement *settlement, struct error *err);
// Outside of a transaction: counts calls that have expired at their ceilings. Asks no more than a
// look at an index when there are none.
bool sqlite_ledger_presume_expired(struct sqlite_ledger *self, int64_t now_ms, struct error *err);

// sqlite_ledger_costs.c
bool sqlite_ledger_status(struct ledger *ledger, struct ledger_status *status, struct error *err);
bool sqlite_ledger_list_costs(struct ledger *ledger, int64_t from_day, struct ledger_costs *lines,
                              size_t capacity, size_t *count, struct error *err);
bool sqlite_ledger_get_day(struct sqlite_ledger *self, int64_t day, const char *purse,
                           struct ledger_day *sums, struct error *err);

// sqlite_ledger_answers.c
bool sqlite_ledger_find_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                               struct cloud_answer *answer, bool *is_found, struct error *err);
// In the caller's transaction.
bool sqlite_ledger_keep_answer(struct sqlite_ledger *self, const struct ledger_answer_key *key,
                               const struct cloud_answer *answer, struct error *err);

// sqlite_ledger_experiments.c
bool sqlite_ledger_observe(struct ledger *ledger, const struct ledger_observation *observation,
                           struct error *err);
bool sqlite_ledger_summarize(struct ledger *ledger, struct ledger_summary *summaries,
                             size_t capacity, size_t *count, struct error *err);
