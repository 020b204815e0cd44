// What only the ledger on PostgreSQL does: an operation whose commit was done and whose answer was
// lost runs again on another connection, and must find that it is done already.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ledger_kind.h"
#include "postgres_kind.h"
#include "store/postgres_connection.h"
#include "store/postgres_ledger.h"
#include "store/postgres_store.h"

enum { LET_GO_MAX_MS = 9000 };

// The linker has the store call this one (--wrap).
bool __real_postgres_execute(struct postgres_connection *connection, const char *sql,
                             struct error *err);
bool __wrap_postgres_execute(struct postgres_connection *connection, const char *sql,
                             struct error *err);
static bool stops_with_lock;
static int answers_to_lose;  // the next commits'; this program has one thread that commits

bool __wrap_postgres_execute(struct postgres_connection *connection, const char *sql,
                             struct error *err) {
    if (!__real_postgres_execute(connection, sql, err)) return false;
    if (stops_with_lock && strstr(sql, "pg_advisory_xact_lock") != NULL) {
        stops_with_lock = false;
        (void)raise(SIGSTOP);
    }
    if (answers_to_lose == 0 || strcmp(sql, "COMMIT") != 0) return true;
    answers_to_lose--;
    connection->is_lost = true;
    return error_set(err, ERROR_UNAVAILABLE, "the connection broke");
}

static void a_lost_answer_reserves_once(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    request.limits.daily_nano_usd = 100;  // a second time it would not fit
    answers_to_lose = 1;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_int_equal(answers_to_lose, 0);
    struct ledger_status status = read_status(fixture->ledger);
    assert_int_equal(status.requests_today, 1);
    assert_int_equal(status.reserved_nano_usd, 100);
    settle_call(fixture->ledger, &call, 60);
    assert_int_equal(read_status(fixture->ledger).spent_nano_usd, 60);
}

static void a_lost_answer_settles_once(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    answers_to_lose = 1;
    settle_call(fixture->ledger, &call, 60);
    assert_int_equal(answers_to_lose, 0);
    struct ledger_status status = read_status(fixture->ledger);
    assert_int_equal(status.spent_nano_usd, 60);
    assert_int_equal(status.reserved_nano_usd, 0);
    assert_int_equal(ledger_query(fixture, "SELECT sum(requests) FROM %stotals"), 1);
}

static void a_lost_answer_presumes_once(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    fixture->kind->move_clock(fixture, MINUTE_MS);
    answers_to_lose = 1;
    assert_int_equal(read_status(fixture->ledger).spent_nano_usd, 100);
    assert_int_equal(answers_to_lose, 0);
}

// A server that never says yes is an error, and nothing was reserved that anybody was told of.
static void answers_lost_again_and_again_are_an_error(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    enum ledger_verdict verdict;
    struct error err = {0};
    answers_to_lose = 3;
    assert_false(
        fixture->ledger->operations->reserve(fixture->ledger, &request, &call, &verdict, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(read_status(fixture->ledger).reserved_nano_usd, 100);  // until it expires
}

static _Noreturn void reserve_with_a_stop(struct ledger_fixture *fixture) {
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    enum ledger_verdict verdict;
    struct error err = {0};
    if (!fixture->kind->open(fixture, &err)) _exit(1);
    stops_with_lock = true;
    if (!fixture->ledger->operations->reserve(fixture->ledger, &request, &call, &verdict, &err))
        _exit(2);
    fixture->kind->close(fixture);
    _exit(0);
}

// Its machine may be suspended in the middle of a reservation: the others go on spending, and it
// goes on when it wakes.
static void a_server_that_stops_lets_go_of_the_ledger(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    int status;
    fixture->kind->close(fixture);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) reserve_with_a_stop(fixture);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    ledger_fixture_open(fixture);
    int64_t started_ns = clock_monotonic_ns();
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_true(clock_ms_since(started_ns) < LET_GO_MAX_MS);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read_status(fixture->ledger).requests_today, 2);
}

static void a_server_that_is_away_is_told_at_once(void **state) {
    struct error err = {0};
    struct store *store = postgres_store_create("postgresql://x@127.0.0.1:1/x", false, &err);
    assert_non_null(store);
    struct ledger *ledger = postgres_ledger_create(store, &err);
    struct ledger_request request = sample_request(1);
    struct ledger_call call;
    struct ledger_status today;
    enum ledger_verdict verdict;
    int64_t started_ns = clock_monotonic_ns();
    (void)state;
    assert_false(ledger->operations->reserve(ledger, &request, &call, &verdict, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_false(ledger->operations->status(ledger, &today, NULL));
    assert_true(clock_ms_since(started_ns) < 1000);
    ledger->operations->destroy(ledger);
    store->operations->destroy(store);
}

static void a_reader_only_looks(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    enum ledger_verdict verdict;
    struct error err = {0};
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    fixture->kind->move_clock(fixture, MINUTE_MS);
    struct store *store = postgres_open_reader(&err);
    if (store == NULL) fail_msg("%s", err.text);
    struct ledger *reader = postgres_ledger_create(store, NULL);
    assert_int_equal(read_status(reader).reserved_nano_usd, 100);  // nobody has looked
    assert_false(reader->operations->reserve(reader, &request, &call, &verdict, &err));
    reader->operations->destroy(reader);
    store->operations->destroy(store);
}

static void another_store_keeps_no_ledger(void **state) {
    struct error err = {0};
    struct store *store = memory_store_create();
    (void)state;
    assert_null(postgres_ledger_create(store, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    store->operations->destroy(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_answer_reserves_once),
        cmocka_unit_test(a_lost_answer_settles_once),
        cmocka_unit_test(a_lost_answer_presumes_once),
        cmocka_unit_test(answers_lost_again_and_again_are_an_error),
        cmocka_unit_test(a_server_that_stops_lets_go_of_the_ledger),
        cmocka_unit_test(a_server_that_is_away_is_told_at_once),
        cmocka_unit_test(a_reader_only_looks),
        cmocka_unit_test(another_store_keeps_no_ledger),
    };
    char *postgres[] = {"test_ledger_postgres", "pgvector"};
    return ledger_kinds_run("ledger on PostgreSQL", tests, sizeof tests / sizeof tests[0], 2,
                            postgres);
}
