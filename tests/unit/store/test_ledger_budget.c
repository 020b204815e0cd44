// No budget is ever exceeded, by no nano-dollar: four processes of 64 threads reserve and settle
// random costs on one ledger, as fast as they can, against a limit of calls, one of money and a
// purse's, while this process looks on. At the end the sums must be what all single calls add up
// to.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger_kind.h"

enum {
    PROCESSES = 4,
    THREADS = 64,
    CALLS_OF_A_THREAD = 40,
    CALLS_OF_A_THREAD_SHARED = 4,  // on a server: each waits for its disk
    CEILING_MAX = 1000000,
    // Of 100: calls of the purse, calls that end without being settled.
    PURSE_PERCENT = 30,
    LOST_PERCENT = 5,
};

static unsigned seed;

struct world {
    struct ledger *ledger;
    struct ledger_limits limits;
    int64_t purse_daily_nano_usd;
    int calls;  // of a thread
    bool settles;
};

struct caller {
    const struct world *world;
    unsigned random;
    bool has_failed;
};

static int64_t draw(unsigned *random, int64_t end) { return rand_r(random) % end; }

static void *call_many(void *context) {
    struct caller *caller = context;
    const struct world *world = caller->world;
    const struct ledger_operations *operations = world->ledger->operations;
    for (int i = 0; i < world->calls && !caller->has_failed; i++) {
        struct ledger_request request = sample_request(draw(&caller->random, CEILING_MAX + 1));
        struct ledger_call call;
        enum ledger_verdict verdict;
        struct error err = {0};
        request.expires_in_ms = HOUR_MS;
        request.limits = world->limits;
        if (draw(&caller->random, 100) < PURSE_PERCENT) request.purse = "shadow:some";
        request.purse_daily_nano_usd = world->purse_daily_nano_usd;
        bool is_done = operations->reserve(world->ledger, &request, &call, &verdict, &err);
        if (is_done && verdict == LEDGER_RESERVED && world->settles &&
            draw(&caller->random, 100) >= LOST_PERCENT) {
            // Rarely all of it.
            int64_t cost = draw(&caller->random, request.ceiling_nano_usd + 1);
            struct ledger_settlement settlement = {.outcome = "answered", .cost_nano_usd = cost};
            is_done = operations->settle(world->ledger, &call, &settlement, &err);
        }
        if (!is_done) (void)fprintf(stderr, "%s\n", err.text);
        caller->has_failed = !is_done;
    }
    return NULL;
}

// The exit status of a process: it opens the ledger for itself.
static int run_callers(struct ledger_fixture *fixture, struct world world, unsigned number) {
    pthread_t threads[THREADS];
    struct caller callers[THREADS];
    struct error err = {0};
    int status = 0;
    if (!fixture->kind->open(fixture, &err)) return 1;
    world.ledger = fixture->ledger;
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.world = &world, .random = seed + number * THREADS + i};
        if (pthread_create(&threads[i], NULL, call_many, &callers[i]) != 0) return 2;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        if (callers[i].has_failed) status = 3;
    }
    fixture->kind->close(fixture);
    return status;
}

// Also asked while others write: one statement sees one moment.
static void assert_within(const struct ledger_fixture *fixture, const struct world *world) {
    struct ledger_status status = read_status(fixture->ledger);
    assert_true(status.requests_today <= world->limits.per_day);
    assert_true(status.spent_nano_usd + status.reserved_nano_usd <= world->limits.daily_nano_usd);
    assert_true(ledger_query(fixture,
                             "SELECT sum(CASE WHEN state = 0 THEN ceiling_nano_usd "
                             "ELSE cost_nano_usd END) FROM %scalls") <=
                world->limits.daily_nano_usd);
    assert_true(ledger_query(fixture,
                             "SELECT spent_nano_usd + reserved_nano_usd FROM %sdays "
                             "WHERE purse <> ''") <= world->purse_daily_nano_usd);
}

// Processes begin before this one has threads of its own, as a connection to a server may.
static void run_world(struct ledger_fixture *fixture, const struct world *world) {
    pid_t children[PROCESSES];
    size_t running = PROCESSES;
    fixture->kind->close(fixture);
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) _exit(run_callers(fixture, *world, i));
    }
    ledger_fixture_open(fixture);
    while (running > 0) {
        int status;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        assert_true(ended >= 0);
        if (ended > 0) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            running--;
        }
        assert_within(fixture, world);
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    assert_within(fixture, world);
}

static int64_t sum_of(const struct ledger_fixture *fixture, const char *format) {
    return ledger_query(fixture, format);
}

// What is kept running is what the single calls add up to.
static void assert_sums_add_up(const struct ledger_fixture *fixture) {
    struct ledger_status status = read_status(fixture->ledger);
    assert_int_equal(status.requests_today, sum_of(fixture, "SELECT count(*) FROM %scalls"));
    assert_int_equal(status.spent_nano_usd,
                     sum_of(fixture, "SELECT sum(cost_nano_usd) FROM %scalls WHERE state = 2"));
    assert_int_equal(status.reserved_nano_usd,
                     sum_of(fixture, "SELECT sum(ceiling_nano_usd) FROM %scalls WHERE state = 0"));
    assert_int_equal(
        sum_of(fixture, "SELECT spent_nano_usd FROM %sdays WHERE purse <> ''"),
        sum_of(fixture, "SELECT sum(cost_nano_usd) FROM %scalls WHERE state = 2 AND purse <> ''"));
    assert_int_equal(
        sum_of(fixture, "SELECT reserved_nano_usd FROM %sdays WHERE purse <> ''"),
        sum_of(fixture,
               "SELECT sum(ceiling_nano_usd) FROM %scalls WHERE state = 0 AND purse <> ''"));
    assert_int_equal(status.spent_nano_usd, sum_of(fixture,
                                                   "SELECT sum(cost_nano_usd) "
                                                   "FROM %stotals"));
    // Numbers without a gap: the limit of a minute rests on it.
    assert_int_equal(sum_of(fixture, "SELECT max(number) FROM %scalls"), status.requests_today);
    assert_int_equal(sum_of(fixture, "SELECT count(DISTINCT id) FROM %scalls"),
                     status.requests_today);
}

static struct world world_of(const struct ledger_fixture *fixture) {
    int calls = fixture->store == NULL ? CALLS_OF_A_THREAD : CALLS_OF_A_THREAD_SHARED;
    int64_t all = (int64_t)PROCESSES * THREADS * calls;
    return (struct world){
        .calls = calls,
        .settles = true,
        .limits = {.per_minute = 1000000, .per_day = all, .daily_nano_usd = INT64_MAX / 2},
        .purse_daily_nano_usd = INT64_MAX / 2,
    };
}

// The last settlements give money back that nobody comes to take any more; of a purse with few
// calls that is more of it.
enum { PURSE_SLACK = 6 };

static void money_is_never_exceeded(void **state) {
    struct ledger_fixture *fixture = *state;
    struct world world = world_of(fixture);
    // A call costs a quarter of CEILING_MAX on average: half of them fit.
    world.limits.daily_nano_usd = world.limits.per_day * CEILING_MAX / 8;
    world.purse_daily_nano_usd = world.limits.daily_nano_usd / 5;
    run_world(fixture, &world);
    assert_sums_add_up(fixture);
    // The limits were met: less is left than a call or two may cost.
    struct ledger_status status = read_status(fixture->ledger);
    assert_true(status.spent_nano_usd + status.reserved_nano_usd >
                world.limits.daily_nano_usd - 2 * (int64_t)CEILING_MAX);
    assert_true(sum_of(fixture,
                       "SELECT spent_nano_usd + reserved_nano_usd FROM %sdays "
                       "WHERE purse <> ''") >
                world.purse_daily_nano_usd - PURSE_SLACK * (int64_t)CEILING_MAX);
}

static void calls_are_never_too_many(void **state) {
    struct ledger_fixture *fixture = *state;
    struct world world = world_of(fixture);
    world.limits.per_day = world.limits.per_day / 3;
    run_world(fixture, &world);
    assert_sums_add_up(fixture);
    assert_int_equal(read_status(fixture->ledger).requests_today, world.limits.per_day);
}

static void a_minute_holds_no_more_than_it_may(void **state) {
    struct ledger_fixture *fixture = *state;
    struct world world = world_of(fixture);
    world.settles = false;
    world.limits.per_minute = world.limits.per_day / 3;
    run_world(fixture, &world);
    assert_sums_add_up(fixture);
    assert_int_equal(read_status(fixture->ledger).requests_today, world.limits.per_minute);
}

// With arguments: the kind of ledger to test, and a seed.
int main(int argument_count, char **arguments) {
    seed = argument_count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_is_never_exceeded),
        cmocka_unit_test(calls_are_never_too_many),
        cmocka_unit_test(a_minute_holds_no_more_than_it_may),
    };
    return ledger_kinds_run("ledger budget", tests, sizeof tests / sizeof tests[0], argument_count,
                            arguments);
}
