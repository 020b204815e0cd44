// costs.db: whose files are refused, who may read it, and what a reader sees.
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "ledger_kind.h"
#include "store/sqlite_ledger.h"

enum {
    STARTERS = 6,
    ROUNDS = 10,
    HOLDS = 5,
    // SQLite's own way of waiting would look again 90 ms later.
    HOLD_MS = 340,
    LATE_MS = 40,
    LONG_HOLD_MS = 2300,  // longer than the store's connections wait
};

// The linker has the store call this one (--wrap).
int __real_fdatasync(int file);
int __wrap_fdatasync(int file);
static int log_syncs;
static bool is_disk_failing;

int __wrap_fdatasync(int file) {
    char link[64], path[PATH_MAX] = "";
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    assert_true(readlink(link, path, sizeof path - 1) > 0);
    if (strstr(path, "costs.db-wal") != NULL) log_syncs++;
    errno = EIO;
    return is_disk_failing ? -1 : __real_fdatasync(file);
}

static char *ledger_path(const struct ledger_fixture *fixture) {
    return memory_copy_text(test_folder_path(&fixture->folder, "costs.db"));
}

static void assert_refused(struct ledger_fixture *fixture, const char *word) {
    char *path = ledger_path(fixture);
    size_t size, size_after;
    struct error err = {0}, reader_err = {0};
    char *before = file_read_create(path, 1 << 20, &size, NULL);
    assert_null(sqlite_ledger_create(fixture->folder.path, &err));
    assert_int_equal(err.kind, ERROR_STORAGE);
    if (strstr(err.text, word) == NULL) fail_msg("%s", err.text);
    assert_non_null(strstr(err.text, "costs.db"));
    assert_null(sqlite_ledger_create_reader(fixture->folder.path, &reader_err));
    assert_int_equal(reader_err.kind, ERROR_STORAGE);
    char *after = file_read_create(path, 1 << 20, &size_after, NULL);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    memory_free(before);
    memory_free(after);
    memory_free(path);
}

static void files_of_others_are_refused_and_kept(void **state) {
    struct ledger_fixture *fixture = *state;
    char *path = ledger_path(fixture);
    fixture->kind->close(fixture);
    (void)ledger_query(fixture, "PRAGMA user_version = 999");
    assert_refused(fixture, "version 999");
    (void)unlink(path);
    (void)ledger_query(fixture, "CREATE TABLE notes (text)");
    assert_refused(fixture, "another program");
    (void)unlink(path);
    (void)ledger_query(fixture, "PRAGMA application_id = 0x696d6772");  // the store's
    assert_refused(fixture, "another program");
    char garbage[8192];
    memset(garbage, 'x', sizeof garbage);
    assert_true(file_write_atomic(path, garbage, sizeof garbage, NULL));
    assert_refused(fixture, "damaged");
    (void)unlink(path);
    ledger_fixture_open(fixture);
    memory_free(path);
}

static void nobody_else_reads_it(void **state) {
    struct ledger_fixture *fixture = *state;
    static const char *const names[] = {"costs.db", "costs.db-wal", "costs.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct stat status;
        assert_int_equal(stat(test_folder_path(&fixture->folder, names[i]), &status), 0);
        assert_int_equal(status.st_mode & 0077, 0);
    }
}

static void a_reader_sees_what_is_written_and_writes_nothing(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_call call;
    struct ledger_costs line;
    enum ledger_verdict verdict;
    size_t count;
    struct error err = {0};
    struct ledger *reader = sqlite_ledger_create_reader(fixture->folder.path, &err);
    if (reader == NULL) fail_msg("%s", err.text);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_int_equal(read_status(reader).reserved_nano_usd, 100);
    assert_false(reader->operations->reserve(reader, &request, &call, &verdict, NULL));
    fixture->kind->move_clock(fixture, HOUR_MS);
    assert_true(reader->operations->list_costs(reader, 0, &line, 1, &count, NULL));
    assert_int_equal(count, 1);
    assert_int_equal(line.cost_nano_usd, 0);  // nobody who may write has looked
    assert_int_equal(read_status(fixture->ledger).spent_nano_usd, 100);
    assert_int_equal(read_status(reader).spent_nano_usd, 100);
    reader->operations->destroy(reader);
}

static void a_reader_makes_no_file(void **state) {
    struct ledger_fixture *fixture = *state;
    struct error err = {0};
    assert_null(sqlite_ledger_create_reader(test_folder_path(&fixture->folder, "none"), &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_not_equal(access(test_folder_path(&fixture->folder, "none"), F_OK), 0);
}

// A reservation waits for no disk; what is settled is on it, or it is an error.
static void settling_syncs_the_log(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(100);
    struct ledger_settlement settlement = {.outcome = "answered"};
    struct ledger_call call;
    struct error err = {0};
    log_syncs = 0;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_int_equal(log_syncs, 0);
    settle_call(fixture->ledger, &call, 1);
    assert_int_equal(log_syncs, 1);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    is_disk_failing = true;
    assert_false(fixture->ledger->operations->settle(fixture->ledger, &call, &settlement, &err));
    is_disk_failing = false;
    assert_int_equal(err.kind, ERROR_STORAGE);
    assert_non_null(strstr(err.text, "disk"));
}

// A limit of a million calls a minute costs no more than one of ten: nothing is counted.
static void a_full_minute_is_found_by_its_number(void **state) {
    struct ledger_fixture *fixture = *state;
    struct ledger_request request = sample_request(1);
    struct ledger_call call;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    (void)ledger_query(fixture,
                       "WITH RECURSIVE counted (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM "
                       "counted WHERE n < 100000) INSERT INTO %scalls SELECT n, 'call ' || n, day, "
                       "purse, provider, model, reason, started_ms, expires_ms, ceiling_nano_usd, "
                       "2, 0, '' FROM calls, counted WHERE number = 1");
    request.limits.per_minute = 100001;
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_OVER_MINUTE);
    assert_int_equal(read_status(fixture->ledger).requests_this_minute, 100001);
}

static _Noreturn void begin_and_reserve(const char *folder, int gate) {
    struct ledger_request request = sample_request(7);
    struct ledger_call call;
    enum ledger_verdict verdict;
    struct error err = {0};
    char nothing;
    if (read(gate, &nothing, 1) != 0) _exit(1);  // until the parent closes its end
    struct ledger *ledger = sqlite_ledger_create(folder, &err);
    if (ledger == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        _exit(2);
    }
    if (!ledger->operations->reserve(ledger, &request, &call, &verdict, &err)) _exit(3);
    ledger->operations->destroy(ledger);
    _exit(0);
}

static void several_begin_at_once(void **state) {
    struct ledger_fixture *fixture = *state;
    char *path = ledger_path(fixture);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[STARTERS];
        int gate[2], status;
        fixture->kind->close(fixture);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(pipe(gate), 0);
        for (int i = 0; i < STARTERS; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0) {
                (void)close(gate[1]);
                begin_and_reserve(fixture->folder.path, gate[0]);
            }
        }
        (void)close(gate[0]);
        (void)close(gate[1]);
        for (int i = 0; i < STARTERS; i++) {
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        ledger_fixture_open(fixture);
        assert_int_equal(read_status(fixture->ledger).reserved_nano_usd, 7 * STARTERS);
    }
    memory_free(path);
}

struct holder {
    sqlite3 *database;
    int hold_ms;
    atomic_llong let_go_ns;
};

static void *hold(void *argument) {
    struct holder *holder = argument;
    (void)nanosleep(&(struct timespec){.tv_sec = holder->hold_ms / 1000,
                                       .tv_nsec = holder->hold_ms % 1000 * 1000000L},
                    NULL);
    atomic_store(&holder->let_go_ns, clock_monotonic_ns());
    (void)sqlite3_exec(holder->database, "COMMIT", NULL, NULL, NULL);
    return NULL;
}

// How long after somebody else let go of the file a reservation was made.
static double reserve_behind(const struct ledger_fixture *fixture, int hold_ms) {
    struct holder holder = {.hold_ms = hold_ms};
    struct ledger_request request = sample_request(1);
    struct ledger_call call;
    pthread_t thread;
    assert_int_equal(sqlite3_open(test_folder_path(&fixture->folder, "costs.db"), &holder.database),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(holder.database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_create(&thread, NULL, hold, &holder), 0);
    assert_int_equal(reserve_call(fixture->ledger, &request, &call), LEDGER_RESERVED);
    double late_ms = clock_ms_since(atomic_load(&holder.let_go_ns));
    (void)pthread_join(thread, NULL);
    (void)sqlite3_close(holder.database);
    return late_ms;
}

static void another_process_is_waited_for_and_not_longer(void **state) {
    const struct ledger_fixture *fixture = *state;
    double least_ms = 1e9;
    for (int i = 0; i < HOLDS && least_ms >= LATE_MS; i++) {
        double late_ms = reserve_behind(fixture, HOLD_MS);
        if (late_ms < least_ms) least_ms = late_ms;
    }
    assert_true(least_ms < LATE_MS);
    (void)reserve_behind(fixture, LONG_HOLD_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_others_are_refused_and_kept),
        cmocka_unit_test(nobody_else_reads_it),
        cmocka_unit_test(a_reader_sees_what_is_written_and_writes_nothing),
        cmocka_unit_test(a_reader_makes_no_file),
        cmocka_unit_test(settling_syncs_the_log),
        cmocka_unit_test(a_full_minute_is_found_by_its_number),
        cmocka_unit_test(several_begin_at_once),
        cmocka_unit_test(another_process_is_waited_for_and_not_longer),
    };
    char *sqlite[] = {"test_ledger_file", "sqlite"};
    return ledger_kinds_run("ledger file", tests, sizeof tests / sizeof tests[0], 2, sqlite);
}
