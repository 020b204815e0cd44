#include "store/sqlite_ledger_schema.h"

#include <stdint.h>
#include <stdio.h>

#include "store/sqlite_connection.h"

#define APPLICATION_ID 0x696d6763  // "imgc": the store's and the index ledger's have others

// One entry a version; never changed after a release, only added to.
//
// days holds the running sums that budgets are asked of: a row for each day and purse, '' being the
// purse of all calls. calls.number counts up without a gap, in the order in which calls began: the
// call `n` before the last is found by its number, so a minute is never counted. calls.state is an
// enum ledger_call_state. totals are the sums of calls that are not open any more. Answers count up
// likewise: the oldest is known without a look.
static const char *const migrations[] = {
    "CREATE TABLE days ("
    "  day INTEGER NOT NULL,"
    "  purse TEXT NOT NULL,"
    "  requests INTEGER NOT NULL,"
    "  spent_nano_usd INTEGER NOT NULL,"
    "  reserved_nano_usd INTEGER NOT NULL,"
    "  PRIMARY KEY (day, purse)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE calls ("
    "  number INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  day INTEGER NOT NULL,"
    "  purse TEXT NOT NULL,"
    "  provider TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  ceiling_nano_usd INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  cost_nano_usd INTEGER,"
    "  outcome TEXT"
    ") STRICT;"
    "CREATE INDEX calls_started ON calls (started_ms);"
    "CREATE INDEX calls_open ON calls (expires_ms) WHERE state = 0;"
    "CREATE TABLE totals ("
    "  day INTEGER NOT NULL,"
    "  provider TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  requests INTEGER NOT NULL,"
    "  answered INTEGER NOT NULL,"
    "  cost_nano_usd INTEGER NOT NULL,"
    "  estimated_nano_usd INTEGER NOT NULL,"
    "  presumed_nano_usd INTEGER NOT NULL,"
    "  input_tokens INTEGER NOT NULL,"
    "  output_tokens INTEGER NOT NULL,"
    "  duration_ms REAL NOT NULL,"
    "  PRIMARY KEY (day, provider, model, reason)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE answers ("
    "  number INTEGER PRIMARY KEY,"
    "  sha256 TEXT NOT NULL,"
    "  provider TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  prompt_sha256 TEXT NOT NULL,"
    "  caption TEXT NOT NULL,"
    "  tags TEXT NOT NULL,"
    "  answered_model TEXT NOT NULL,"
    "  confidence REAL,"
    "  input_tokens INTEGER NOT NULL,"
    "  output_tokens INTEGER NOT NULL,"
    "  cost_nano_usd INTEGER NOT NULL,"
    "  UNIQUE (sha256, provider, model, prompt_sha256)"
    ") STRICT;"
    "CREATE TABLE observations ("
    "  experiment TEXT NOT NULL,"
    "  variant TEXT NOT NULL,"
    "  image_id TEXT NOT NULL,"
    "  is_shadow INTEGER NOT NULL,"
    "  provider TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  caption TEXT NOT NULL,"
    "  cost_nano_usd INTEGER NOT NULL,"
    "  latency_ms REAL,"
    "  confidence REAL,"
    "  clip_score REAL,"
    "  agreement REAL,"
    "  PRIMARY KEY (experiment, variant, image_id)"
    ") STRICT, WITHOUT ROWID;",
};

enum { NEWEST_VERSION = sizeof migrations / sizeof migrations[0] };

bool sqlite_ledger_schema_recognize(sqlite3 *database, struct error *err) {
    int64_t application, version, tables;
    if (!sqlite_query_number(database, "PRAGMA application_id", &application, err) ||
        !sqlite_query_number(database, "PRAGMA user_version", &version, err) ||
        !sqlite_query_number(database, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    bool is_empty = application == 0 && version == 0 && tables == 0;
    if (!is_empty && application != APPLICATION_ID)
        return error_set(err, ERROR_STORAGE,
                         "it is a database of another program; choose another data folder");
    if (version < 0 || version > NEWEST_VERSION)
        return error_set(err, ERROR_STORAGE,
                         "it has version %lld and this imgrouter knows versions up to %d; use the "
                         "imgrouter that wrote it, or a newer one",
                         (long long)version, NEWEST_VERSION);
    return true;
}

bool sqlite_ledger_schema_migrate(sqlite3 *database, struct error *err) {
    int64_t version;
    char stamp[96];
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   APPLICATION_ID, NEWEST_VERSION);
    bool is_done = sqlite_execute(database, "BEGIN IMMEDIATE", err) &&
                   sqlite_ledger_schema_recognize(database, err) &&
                   sqlite_query_number(database, "PRAGMA user_version", &version, err);
    for (int64_t i = is_done ? version : NEWEST_VERSION; is_done && i < NEWEST_VERSION; i++)
        is_done = sqlite_execute(database, migrations[i], err);
    is_done =
        is_done && sqlite_execute(database, stamp, err) && sqlite_execute(database, "COMMIT", err);
    if (!is_done && sqlite3_get_autocommit(database) == 0)
        (void)sqlite_execute(database, "ROLLBACK", NULL);
    return is_done;
}

bool sqlite_ledger_schema_require_newest(sqlite3 *database, struct error *err) {
    int64_t version;
    if (!sqlite_query_number(database, "PRAGMA user_version", &version, err)) return false;
    if (version == NEWEST_VERSION) return true;
    return error_set(err, ERROR_STORAGE,
                     "its version is %lld, not %d; start the server once to bring it up to date",
                     (long long)version, NEWEST_VERSION);
}
