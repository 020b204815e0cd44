// kill -9 between reserve and settle: a child reserves and settles, and tells each answer through
// a pipe; the parent kills it at a random moment and opens the ledger again. Everything that was
// answered must be there, at most one call more, and what was not settled goes on counting: until
// it expires as reserved, then as presumed.
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger_kind.h"
#include "store/sqlite_ledger.h"

enum { ROUNDS = 40, LONGEST_ROUND_US = 15000, FIRST_ANSWER_MS = 60000 };

static unsigned seed;

// What the child says: a call has been reserved for `ceiling`, or settled for `cost`.
struct answer {
    char id[LEDGER_ID_SIZE];
    bool is_settled;
    int64_t money;
};

static _Noreturn void child_calls(const char *folder, unsigned random, int acknowledge) {
    struct ledger *ledger = sqlite_ledger_create(folder, NULL);
    if (ledger == NULL) _exit(2);
    for (;;) {
        struct ledger_request request = sample_request(1 + rand_r(&random) % 1000);
        struct answer answer = {.money = request.ceiling_nano_usd};
        struct ledger_call call;
        enum ledger_verdict verdict;
        request.expires_in_ms = HOUR_MS;
        if (!ledger->operations->reserve(ledger, &request, &call, &verdict, NULL)) _exit(3);
        memcpy(answer.id, call.id, sizeof answer.id);
        if (write(acknowledge, &answer, sizeof answer) != sizeof answer) _exit(4);
        struct ledger_settlement settlement = {.outcome = "answered"};
        settlement.cost_nano_usd = rand_r(&random) % request.ceiling_nano_usd;
        if (!ledger->operations->settle(ledger, &call, &settlement, NULL)) _exit(5);
        answer.is_settled = true;
        answer.money = settlement.cost_nano_usd;
        if (write(acknowledge, &answer, sizeof answer) != sizeof answer) _exit(6);
    }
}

struct tally {
    int64_t calls, reserved, spent;
};

// The last call may have got further than was told.
static void read_answers(int from, struct tally *tally, struct answer *last) {
    struct answer answer;
    while (read(from, &answer, sizeof answer) == sizeof answer) {
        if (answer.is_settled) {
            assert_string_equal(answer.id, last->id);
            tally->reserved -= last->money;
            tally->spent += answer.money;
        } else {
            tally->calls++;
            tally->reserved += answer.money;
        }
        *last = answer;
    }
}

// Makes *tally what the ledger says, after it has been held against what was answered.
static void check_ledger(const struct ledger_fixture *fixture, struct tally *tally,
                         const struct answer *last) {
    struct ledger_status status = read_status(fixture->ledger);
    int64_t more_calls = status.requests_today - tally->calls;
    int64_t more_reserved = status.reserved_nano_usd - tally->reserved;
    if (last->id[0] != '\0' && !last->is_settled) {
        // Reserved, and perhaps settled without our having heard of it.
        assert_int_equal(more_calls, 0);
        assert_true(more_reserved == 0 || more_reserved == -last->money);
        int64_t more_spent = status.spent_nano_usd - tally->spent;
        assert_true(more_reserved == 0 ? more_spent == 0
                                       : more_spent >= 0 && more_spent < last->money);
    } else {
        assert_in_range(more_calls, 0, 1);
        assert_true(more_calls == 0 ? more_reserved == 0 : more_reserved > 0);
        assert_int_equal(status.spent_nano_usd, tally->spent);
    }
    assert_int_equal(ledger_query(fixture,
                                  "SELECT sum(ceiling_nano_usd) FROM %scalls "
                                  "WHERE state = 0"),
                     status.reserved_nano_usd);
    assert_int_equal(ledger_query(fixture, "SELECT sum(cost_nano_usd) FROM %scalls"),
                     status.spent_nano_usd);
    *tally = (struct tally){.calls = status.requests_today,
                            .reserved = status.reserved_nano_usd,
                            .spent = status.spent_nano_usd};
}

static void run_round(struct ledger_fixture *fixture, int round, struct tally *tally) {
    int pipe_ends[2];
    struct answer last = {0};
    fixture->kind->close(fixture);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) child_calls(fixture->folder.path, seed + (unsigned)round, pipe_ends[1]);
    (void)close(pipe_ends[1]);
    if (round % 2 == 1) {
        struct pollfd answer = {.fd = pipe_ends[0], .events = POLLIN};
        assert_int_equal(poll(&answer, 1, FIRST_ANSWER_MS), 1);
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000L * (rand_r(&seed) % LONGEST_ROUND_US)},
                    NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    read_answers(pipe_ends[0], tally, &last);
    (void)close(pipe_ends[0]);
    ledger_fixture_open(fixture);
    check_ledger(fixture, tally, &last);
}

static void what_was_answered_survives_kill(void **state) {
    struct ledger_fixture *fixture = *state;
    struct tally tally = {0};
    for (int round = 0; round < ROUNDS; round++) run_round(fixture, round, &tally);
    assert_true(tally.calls >= ROUNDS / 2);  // else the kills came before any work
    assert_true(tally.reserved > 0);         // else none came between
    // A reservation that nobody came back for goes on counting for its day.
    fixture->kind->move_clock(fixture, HOUR_MS);
    struct ledger_status status = read_status(fixture->ledger);
    assert_int_equal(status.requests_today, tally.calls);
    assert_int_equal(status.reserved_nano_usd, 0);
    assert_int_equal(status.spent_nano_usd, tally.spent + tally.reserved);
    assert_int_equal(ledger_query(fixture, "SELECT sum(presumed_nano_usd) FROM %stotals"),
                     tally.reserved);
}

int main(int argument_count, char **arguments) {
    seed = argument_count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_answered_survives_kill)};
    char *sqlite[] = {arguments[0], "sqlite"};
    return ledger_kinds_run("ledger kill", tests, 1, 2, sqlite);
}
