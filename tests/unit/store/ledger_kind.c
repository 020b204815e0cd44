#include "ledger_kind.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "postgres_kind.h"
#include "store/postgres_ledger.h"
#include "store/sqlite_ledger.h"

// The linker has everybody call this one (--wrap).
int64_t __real_clock_utc_ms(void);
int64_t __wrap_clock_utc_ms(void);
static atomic_int_fast64_t clock_offset_ms;

int64_t __wrap_clock_utc_ms(void) { return __real_clock_utc_ms() + atomic_load(&clock_offset_ms); }

static int64_t offset_to_noon(void) { return DAY_MS / 2 - __real_clock_utc_ms() % DAY_MS; }

static void prepare_sqlite(struct ledger_fixture *fixture) {
    (void)fixture;
    atomic_store(&clock_offset_ms, offset_to_noon());
}

static bool open_sqlite(struct ledger_fixture *fixture, struct error *err) {
    fixture->ledger = sqlite_ledger_create(fixture->folder.path, err);
    return fixture->ledger != NULL;
}

static void close_sqlite(struct ledger_fixture *fixture) {
    fixture->ledger->operations->destroy(fixture->ledger);
}

static void move_sqlite(struct ledger_fixture *fixture, int64_t ms) {
    (void)fixture;
    atomic_fetch_add(&clock_offset_ms, ms);
}

static int64_t query_sqlite(const struct ledger_fixture *fixture, const char *sql) {
    sqlite3 *database;
    sqlite3_stmt *statement;
    int64_t number = 0;
    assert_int_equal(sqlite3_open(test_folder_path(&fixture->folder, "costs.db"), &database), 0);
    (void)sqlite3_busy_timeout(database, 20000);
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) number = sqlite3_column_int64(statement, 0);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(database);
    return number;
}

static void prepare_postgres(struct ledger_fixture *fixture) {
    char sql[64];
    postgres_prepare(fixture->folder.path);
    // The server's functions are found by their plain names: ours is found first.
    (void)postgres_kind_query(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog',"
        " current_database()); END $$;"
        "CREATE TABLE test_clock (shift interval);"
        "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
        " 'SELECT pg_catalog.clock_timestamp() + shift FROM public.test_clock'");
    (void)snprintf(sql, sizeof sql, "INSERT INTO test_clock VALUES ('%lld ms')",
                   (long long)offset_to_noon());
    (void)postgres_kind_query(sql);
}

static bool open_postgres(struct ledger_fixture *fixture, struct error *err) {
    fixture->store = postgres_open(fixture->folder.path, err);
    if (fixture->store != NULL) fixture->ledger = postgres_ledger_create(fixture->store, err);
    return fixture->store != NULL && fixture->ledger != NULL;
}

static void close_postgres(struct ledger_fixture *fixture) {
    fixture->ledger->operations->destroy(fixture->ledger);
    fixture->store->operations->destroy(fixture->store);
}

static void move_postgres(struct ledger_fixture *fixture, int64_t ms) {
    char sql[96];
    (void)fixture;
    (void)snprintf(sql, sizeof sql, "UPDATE test_clock SET shift = shift + '%lld ms'",
                   (long long)ms);
    (void)postgres_kind_query(sql);
}

static int64_t query_postgres(const struct ledger_fixture *fixture, const char *sql) {
    (void)fixture;
    return postgres_kind_query(sql);
}

const struct ledger_kind ledger_kinds[] = {
    {.name = "sqlite",
     .table_prefix = "",
     .prepare = prepare_sqlite,
     .open = open_sqlite,
     .close = close_sqlite,
     .move_clock = move_sqlite,
     .query = query_sqlite},
    {.name = "pgvector",
     .table_prefix = "imgrouter_costs_",
     .find_obstacle = postgres_find_obstacle,
     .prepare = prepare_postgres,
     .open = open_postgres,
     .close = close_postgres,
     .move_clock = move_postgres,
     .query = query_postgres},
    {.name = NULL},
};

void ledger_fixture_open(struct ledger_fixture *fixture) {
    struct error err = {0};
    if (!fixture->kind->open(fixture, &err)) fail_msg("%s", err.text);
}

int64_t ledger_query(const struct ledger_fixture *fixture, const char *format) {
    char sql[1024];
    const char *mark = strstr(format, "%s");
    size_t before = mark == NULL ? strlen(format) : (size_t)(mark - format);
    (void)snprintf(sql, sizeof sql, "%.*s%s%s", (int)before, format,
                   mark == NULL ? "" : fixture->kind->table_prefix,
                   mark == NULL ? "" : mark + strlen("%s"));
    return fixture->kind->query(fixture, sql);
}

int ledger_fixture_setup(void **state) {
    struct ledger_fixture *fixture = memory_alloc(sizeof *fixture);
    fixture->kind = *state;
    test_folder_create(&fixture->folder);
    fixture->kind->prepare(fixture);
    ledger_fixture_open(fixture);
    *state = fixture;
    return 0;
}

int ledger_fixture_teardown(void **state) {
    struct ledger_fixture *fixture = *state;
    fixture->kind->close(fixture);
    test_folder_destroy(&fixture->folder);
    memory_free(fixture);
    return 0;
}

int ledger_kinds_run(const char *group, const void *tests, size_t count, int argument_count,
                     char **arguments) {
    enum { TESTS_MAX = 128, NAME_SIZE = 96 };
    static struct CMUnitTest all[TESTS_MAX];
    static char names[TESTS_MAX][NAME_SIZE];
    const struct CMUnitTest *test = tests;
    size_t total = 0;
    for (const struct ledger_kind *kind = ledger_kinds; kind->name != NULL; kind++) {
        const char *obstacle = kind->find_obstacle == NULL ? NULL : kind->find_obstacle();
        if (argument_count > 1 && strcmp(arguments[1], kind->name) != 0) continue;
        if (obstacle != NULL) print_message("skipped %s: %s\n", kind->name, obstacle);
        for (size_t i = 0; obstacle == NULL && i < count; i++) {
            (void)snprintf(names[total], NAME_SIZE, "%s (%s)", test[i].name, kind->name);
            all[total] = (struct CMUnitTest){.name = names[total],
                                             .test_func = test[i].test_func,
                                             .setup_func = ledger_fixture_setup,
                                             .teardown_func = ledger_fixture_teardown,
                                             .initial_state = (void *)kind};
            total++;
        }
    }
    return total == 0 ? 77 : _cmocka_run_group_tests(group, all, total, NULL, NULL);
}

struct ledger_request sample_request(int64_t ceiling_nano_usd) {
    return (struct ledger_request){
        .provider = "openrouter",
        .model = "google/gemini",
        .reason = "low_confidence",
        .ceiling_nano_usd = ceiling_nano_usd,
        .expires_in_ms = MINUTE_MS,
        .limits = {.per_minute = 1000000, .per_day = 1000000, .daily_nano_usd = INT64_MAX},
    };
}

enum ledger_verdict reserve_call(struct ledger *ledger, const struct ledger_request *request,
                                 struct ledger_call *call) {
    struct error err = {0};
    enum ledger_verdict verdict = LEDGER_OVER_PURSE;
    if (!ledger->operations->reserve(ledger, request, call, &verdict, &err))
        fail_msg("reserve: %s", err.text);
    return verdict;
}

void settle_call(struct ledger *ledger, const struct ledger_call *call, int64_t cost_nano_usd) {
    struct error err = {0};
    struct ledger_settlement settlement = {.outcome = "answered",
                                           .cost_nano_usd = cost_nano_usd,
                                           .input_tokens = -1,
                                           .output_tokens = -1};
    if (!ledger->operations->settle(ledger, call, &settlement, &err))
        fail_msg("settle: %s", err.text);
}

struct ledger_status read_status(struct ledger *ledger) {
    struct error err = {0};
    struct ledger_status status;
    if (!ledger->operations->status(ledger, &status, &err)) fail_msg("status: %s", err.text);
    return status;
}
