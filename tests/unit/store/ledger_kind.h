// The kinds of ledger that tests are run against, each with a clock that tests set, and a way to
// ask its tables behind its back. A test begins with an empty ledger, at noon.
#pragma once

#include "cloud/ledger.h"
#include "store_fixture.h"

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

struct ledger_fixture;

struct ledger_kind {
    const char *name;
    const char *table_prefix;  // "%scalls"
    // Why it cannot be tested here, or NULL when it can.
    const char *(*find_obstacle)(void);
    void (*prepare)(struct ledger_fixture *fixture);  // also sets the clock
    bool (*open)(struct ledger_fixture *fixture, struct error *err);
    void (*close)(struct ledger_fixture *fixture);
    void (*move_clock)(struct ledger_fixture *fixture, int64_t ms);
    // A statement of the test's own; the number in the first row's first column, or 0.
    int64_t (*query)(const struct ledger_fixture *fixture, const char *sql);
};
extern const struct ledger_kind ledger_kinds[];  // the last has no name

struct ledger_fixture {
    struct test_folder folder;
    const struct ledger_kind *kind;
    struct store *store;  // NULL where the ledger needs none
    struct ledger *ledger;
};

void ledger_fixture_open(struct ledger_fixture *fixture);
// "calls" in `format` is written with its prefix: ledger_query(fixture, "… FROM %scalls …").
int64_t ledger_query(const struct ledger_fixture *fixture, const char *format);

// Of cmocka, for a test whose initial state is a struct ledger_kind.
int ledger_fixture_setup(void **state);
int ledger_fixture_teardown(void **state);
// Runs `tests` against every kind that is to be had, or the one that is named. The exit status.
int ledger_kinds_run(const char *group, const void *tests, size_t count, int argument_count,
                     char **arguments);

// A request that fits into everything.
struct ledger_request sample_request(int64_t ceiling_nano_usd);
enum ledger_verdict reserve_call(struct ledger *ledger, const struct ledger_request *request,
                                 struct ledger_call *call);
// An answered call without an answer to keep.
void settle_call(struct ledger *ledger, const struct ledger_call *call, int64_t cost_nano_usd);
struct ledger_status read_status(struct ledger *ledger);
