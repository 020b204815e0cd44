#include "store/sqlite_ledger_schema.h"

#define APPLICATION_ID 0x696d6763  // "imgc": the store's and the index ledger's have others

// One entry a version; never changed after a release, only added to.
//
// days holds the running sums that budgets are asked of: a row for each day and purse, '' being the
// purse of all calls. calls.number counts up without a gap, in the order in which calls began: the
// call `n` before the last is found by its number, so a minute is never counted. calls.state is an
// enum ledger_call_state. totals are the sums of calls that are not open any more. Answers count up
// likewise: the oldest is known without a look.
static const char *const steps[] = {
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

const struct sqlite_migrations sqlite_ledger_schema = {
    .application_id = APPLICATION_ID,
    .name = "costs",
    .what = "version",
    .steps = steps,
    .count = sizeof steps / sizeof steps[0],
};
