#include "store/postgres_connection.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/postgres_error.h"

enum {
    LOOK_MS = 500,  // how often a wait looks whether there is still something to wait for
    // What the server does itself about its end of a slow statement; ours comes a second later.
    ANSWER_SPARE_MS = 1000,
};

// Custom plans: one plan for all filters would not know how few images a filter leaves. No JIT: it
// compiles longer than our statements run. A commit is on disk before it is answered, also where a
// database's own setting says otherwise.
#define SESSION_SETTINGS                                                                       \
    "SELECT set_config('statement_timeout', '30000', false), set_config('jit', 'off', false)," \
    " set_config('plan_cache_mode', 'force_custom_plan', false),"                              \
    " set_config('client_min_messages', 'error', false),"                                      \
    " CASE WHEN current_setting('synchronous_commit') = 'off'"                                 \
    "  THEN set_config('synchronous_commit', 'on', false) END,"                                \
    " (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
enum { EXTENSION_COLUMN = 5 };

static int add(struct postgres_parameters *parameters, const char *value, int length, int format) {
    int at = parameters->count++;
    parameters->values[at] = value;
    parameters->lengths[at] = length;
    parameters->formats[at] = format;
    return at + 1;
}

int postgres_add_text(struct postgres_parameters *parameters, const char *text) {
    return add(parameters, text, 0, 0);
}

int postgres_add_number(struct postgres_parameters *parameters, int64_t number) {
    char *text = parameters->numbers[parameters->count];
    (void)snprintf(text, sizeof parameters->numbers[0], "%" PRId64, number);
    return add(parameters, text, 0, 0);
}

int postgres_add_real(struct postgres_parameters *parameters, double number) {
    char *text = parameters->numbers[parameters->count];
    (void)snprintf(text, sizeof parameters->numbers[0], "%.17g", number);  // every bit
    return add(parameters, text, 0, 0);
}

int postgres_add_bytes(struct postgres_parameters *parameters, const void *bytes, size_t size) {
    return add(parameters, bytes, (int)size, 1);
}

// Waits until the socket is ready for `events`. False when there is nothing to wait for any more.
static bool wait_socket(const struct postgres_connection *connection, short events,
                        int64_t deadline_ns) {
    for (;;) {
        int64_t left_ms =
            deadline_ns == 0 ? LOOK_MS : (deadline_ns - clock_monotonic_ns()) / 1000000;
        if (left_ms < 0 || atomic_load(connection->options->is_stopping) ||
            atomic_load(connection->options->losses) != connection->losses)
            return false;
        struct pollfd socket = {.fd = PQsocket(connection->server), .events = events};
        int found = poll(&socket, 1, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS);
        if (found > 0) return true;
        if (found < 0 && errno != EINTR) return false;
        if (deadline_ns != 0 && clock_monotonic_ns() >= deadline_ns) return false;
    }
}

// libpq would write what the server says by the way on standard error.
static void log_notice(void *context, const char *message) {
    (void)context;
    log_debug("PostgreSQL: %.*s", (int)strcspn(message, "\n"), message);
}

static bool finish_connecting(struct postgres_connection *connection, bool *is_refused,
                              struct error *err) {
    int timeout_ms = connection->options->connect_timeout_ms;
    int64_t deadline_ns = clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_socket(connection, events, deadline_ns))
            return error_set(err, ERROR_UNAVAILABLE,
                             "the PostgreSQL server does not answer within %d ms; look whether its "
                             "host can be reached",
                             timeout_ms);
        state = PQconnectPoll(connection->server);
    }
    return state == PGRES_POLLING_OK || postgres_error_connect(err, connection->server, is_refused);
}

static bool prepare_session(struct postgres_connection *connection, struct error *err) {
    PGresult *result = postgres_query(connection, SESSION_SETTINGS, NULL, false, err);
    if (result == NULL) return false;
    const char *version = PQgetvalue(result, 0, EXTENSION_COLUMN);
    char *dot;
    long major = strtol(version, &dot, 10);
    connection->has_iterative_scan = major > 0 || (*dot == '.' && strtol(dot + 1, NULL, 10) >= 8);
    PQclear(result);
    return !connection->options->is_reader ||
           postgres_execute(connection, "SET default_transaction_read_only = on", err);
}

struct postgres_connection *postgres_connection_create(const struct postgres_options *options,
                                                       bool *is_refused, struct error *err) {
    // What stands before dbname gives way to the address, what stands after it does not.
    static const char *const keywords[] = {"fallback_application_name", "tcp_user_timeout",
                                           "keepalives_idle",           "dbname",
                                           "client_encoding",           NULL};
    const char *values[] = {"imgrouter", "10000", "30", options->url, "UTF8", NULL};
    struct postgres_connection *connection = memory_alloc(sizeof *connection);
    connection->options = options;
    connection->losses = atomic_load(options->losses);
    connection->timeout_ms = POSTGRES_STATEMENT_TIMEOUT_MS;
    connection->server = PQconnectStartParams(keywords, values, 1);
    *is_refused = false;
    bool is_done = connection->server != NULL;
    if (!is_done) {
        error_set(err, ERROR_INTERNAL, "out of memory for a connection");
    } else if (PQstatus(connection->server) == CONNECTION_BAD) {
        is_done = postgres_error_connect(err, connection->server, is_refused);
    } else {
        (void)PQsetErrorVerbosity(connection->server, PQERRORS_VERBOSE);
        (void)PQsetNoticeProcessor(connection->server, log_notice, NULL);
        is_done = finish_connecting(connection, is_refused, err) &&
                  PQsetnonblocking(connection->server, 1) == 0 && prepare_session(connection, err);
    }
    if (is_done) return connection;
    postgres_connection_destroy(connection);
    return NULL;
}

void postgres_connection_destroy(struct postgres_connection *connection) {
    if (connection == NULL) return;
    for (size_t i = 0; i < connection->statement_count; i++) memory_free(connection->statements[i]);
    PQfinish(connection->server);
    memory_free(connection);
}

bool postgres_connection_is_alive(const struct postgres_connection *connection) {
    struct pollfd socket = {.fd = PQsocket(connection->server), .events = POLLIN};
    // It may say that a setting has changed; when it says goodbye, there is no end of reading.
    while (!connection->is_lost && poll(&socket, 1, 0) > 0)
        if (PQconsumeInput(connection->server) == 0 || PQisBusy(connection->server) != 0)
            return false;
    return !connection->is_lost;
}

static bool lose(struct postgres_connection *connection, bool is_slow, struct error *err) {
    connection->is_lost = true;
    connection->is_slow = is_slow;
    return is_slow ? error_set(err, ERROR_UNAVAILABLE,
                               "the PostgreSQL server does not answer; try again in a moment")
                   : postgres_error_lost(err);
}

// Sends what is waiting, then takes what comes until the answer is complete.
static bool wait_answer(struct postgres_connection *connection, int64_t deadline_ns,
                        struct error *err) {
    PGconn *server = connection->server;
    int unsent;
    while ((unsent = PQflush(server)) != 0) {
        if (unsent < 0) return lose(connection, false, err);
        if (!wait_socket(connection, POLLIN | POLLOUT, deadline_ns))
            return lose(connection, true, err);
        if (PQconsumeInput(server) == 0) return lose(connection, false, err);
    }
    while (PQisBusy(server) != 0) {
        if (!wait_socket(connection, POLLIN, deadline_ns)) return lose(connection, true, err);
        if (PQconsumeInput(server) == 0) return lose(connection, false, err);
    }
    return true;
}

// The last result of what has been sent; NULL and an error when any of it failed.
static PGresult *take_answer(struct postgres_connection *connection, bool was_sent,
                             struct error *err) {
    int64_t deadline_ns =
        connection->timeout_ms == 0
            ? 0
            : clock_monotonic_ns() + (int64_t)(connection->timeout_ms + ANSWER_SPARE_MS) * 1000000;
    PGresult *last = NULL, *next;
    connection->is_passing = false;
    if (!was_sent) {
        (void)lose(connection, false, err);
        return NULL;
    }
    while (wait_answer(connection, deadline_ns, err) &&
           (next = PQgetResult(connection->server)) != NULL) {
        bool is_bad = last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR;
        PQclear(is_bad ? next : last);
        if (!is_bad) last = next;
    }
    ExecStatusType status = PQresultStatus(last);  // of NULL: PGRES_FATAL_ERROR
    if (!connection->is_lost && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK))
        return last;
    connection->is_passing = postgres_error_is_passing(last);
    if (PQstatus(connection->server) == CONNECTION_BAD || postgres_error_is_lost(last))
        (void)lose(connection, connection->is_slow, err);
    else if (!connection->is_lost)
        (void)postgres_error_set(err, last);
    PQclear(last);
    return NULL;
}

static void statement_name(size_t number, char name[static 16]) {
    (void)snprintf(name, 16, "s%zu", number);
}

// The number of the prepared statement with this text; POSTGRES_STATEMENTS_MAX when there is no
// place for another.
static bool find_statement(struct postgres_connection *connection, const char *sql, size_t *number,
                           struct error *err) {
    for (*number = 0; *number < connection->statement_count; (*number)++)
        if (strcmp(connection->statements[*number], sql) == 0) return true;
    if (*number == POSTGRES_STATEMENTS_MAX) return true;
    char name[16];
    statement_name(*number, name);
    PGresult *result =
        take_answer(connection, PQsendPrepare(connection->server, name, sql, 0, NULL) == 1, err);
    if (result == NULL) return false;
    PQclear(result);
    connection->statements[connection->statement_count++] = memory_copy_text(sql);
    return true;
}

PGresult *postgres_query(struct postgres_connection *connection, const char *sql,
                         const struct postgres_parameters *parameters, bool is_binary,
                         struct error *err) {
    static const struct postgres_parameters none;
    if (parameters == NULL) parameters = &none;
    size_t number;
    char name[16];
    if (!find_statement(connection, sql, &number, err)) return NULL;
    statement_name(number, name);
    int was_sent =
        number == POSTGRES_STATEMENTS_MAX
            ? PQsendQueryParams(connection->server, sql, parameters->count, NULL,
                                parameters->values, parameters->lengths, parameters->formats,
                                is_binary)
            : PQsendQueryPrepared(connection->server, name, parameters->count, parameters->values,
                                  parameters->lengths, parameters->formats, is_binary);
    return take_answer(connection, was_sent == 1, err);
}

bool postgres_run(struct postgres_connection *connection, const char *sql,
                  const struct postgres_parameters *parameters, size_t *row_count,
                  struct error *err) {
    PGresult *result = postgres_query(connection, sql, parameters, false, err);
    if (result == NULL) return false;
    if (row_count != NULL) *row_count = strtoul(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return true;
}

bool postgres_execute(struct postgres_connection *connection, const char *sql, struct error *err) {
    PGresult *result = take_answer(connection, PQsendQuery(connection->server, sql) == 1, err);
    PQclear(result);
    return result != NULL;
}
