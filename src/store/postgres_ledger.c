#include "store/postgres_ledger.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/postgres_ledger_private.h"
#include "store/postgres_store_private.h"

int64_t postgres_ledger_number(const PGresult *result, int row, int column) {
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

double postgres_ledger_real(const PGresult *result, int row, int column) {
    return PQgetisnull(result, row, column) != 0 ? (double)NAN
                                                 : strtod(PQgetvalue(result, row, column), NULL);
}

void postgres_ledger_text(const PGresult *result, int row, int column, char *text, size_t size) {
    (void)snprintf(text, size, "%s", PQgetvalue(result, row, column));
}

void postgres_ledger_add_real(struct postgres_parameters *parameters, double number) {
    if (isnan(number))
        (void)postgres_add_text(parameters, NULL);
    else
        (void)postgres_add_real(parameters, number);
}

static bool read_status(struct postgres_connection *connection, struct ledger_status *status,
                        struct error *err) {
    static const char sql[] =
        "WITH clock AS MATERIALIZED (SELECT " LEDGER_NOW
        " AS now_ms) "
        "SELECT (SELECT count(*) FROM imgrouter_costs_calls "
        "  WHERE started_ms > now_ms - $1 AND started_ms < now_ms + $1),"
        " requests, spent_nano_usd, reserved_nano_usd "
        "FROM clock LEFT JOIN imgrouter_costs_days ON day = now_ms / $2 AND purse = ''";
    struct postgres_parameters parameters = {0};
    (void)postgres_add_number(&parameters, LEDGER_MINUTE_MS);
    (void)postgres_add_number(&parameters, LEDGER_DAY_MS);
    PGresult *result = postgres_query(connection, sql, &parameters, false, err);
    if (result == NULL) return false;
    status->requests_this_minute = postgres_ledger_number(result, 0, 0);
    status->requests_today = postgres_ledger_number(result, 0, 1);
    status->spent_nano_usd = postgres_ledger_number(result, 0, 2);
    status->reserved_nano_usd = postgres_ledger_number(result, 0, 3);
    PQclear(result);
    return true;
}

static bool get_status(struct ledger *ledger, struct ledger_status *status, struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(ledger_pool(ledger), &turn, err))
        turn.is_done = postgres_ledger_presume_expired(turn.connection, &turn.error) &&
                       read_status(turn.connection, status, &turn.error);
    return turn.is_done;
}

static void read_line(const PGresult *result, int row, struct ledger_costs *line) {
    *line = (struct ledger_costs){0};
    line->day = postgres_ledger_number(result, row, 0);
    postgres_ledger_text(result, row, 1, line->provider, sizeof line->provider);
    postgres_ledger_text(result, row, 2, line->model, sizeof line->model);
    postgres_ledger_text(result, row, 3, line->reason, sizeof line->reason);
    line->requests = postgres_ledger_number(result, row, 4);
    line->answered = postgres_ledger_number(result, row, 5);
    line->cost_nano_usd = postgres_ledger_number(result, row, 6);
    line->estimated_nano_usd = postgres_ledger_number(result, row, 7);
    line->presumed_nano_usd = postgres_ledger_number(result, row, 8);
    line->input_tokens = postgres_ledger_number(result, row, 9);
    line->output_tokens = postgres_ledger_number(result, row, 10);
    line->duration_ms = postgres_ledger_real(result, row, 11);
}

static bool read_costs(struct postgres_connection *connection, int64_t from_day,
                       struct ledger_costs *lines, size_t capacity, size_t *count,
                       struct error *err) {
    // Calls that are under way have no total yet.
    static const char sql[] =
        "SELECT day, provider, model, reason, sum(requests), sum(answered),"
        " sum(cost_nano_usd) AS cost, sum(estimated_nano_usd), sum(presumed_nano_usd),"
        " sum(input_tokens), sum(output_tokens), sum(duration_ms) FROM ("
        "SELECT * FROM imgrouter_costs_totals WHERE day >= $1 UNION ALL "
        "SELECT day, provider, model, reason, 1, 0, 0, 0, 0, 0, 0, 0 "
        "FROM imgrouter_costs_calls WHERE state = 0 AND day >= $1) AS lines "
        "GROUP BY day, provider, model, reason "
        "ORDER BY day DESC, cost DESC, provider COLLATE \"C\", model COLLATE \"C\","
        " reason COLLATE \"C\" LIMIT $2";
    struct postgres_parameters parameters = {0};
    (void)postgres_add_number(&parameters, from_day);
    (void)postgres_add_number(&parameters, (int64_t)capacity);
    PGresult *result = postgres_query(connection, sql, &parameters, false, err);
    if (result == NULL) return false;
    *count = (size_t)PQntuples(result);
    for (int row = 0; row < PQntuples(result); row++) read_line(result, row, &lines[row]);
    PQclear(result);
    return true;
}

static bool list_costs(struct ledger *ledger, int64_t from_day, struct ledger_costs *lines,
                       size_t capacity, size_t *count, struct error *err) {
    struct postgres_turn turn = {0};
    *count = 0;
    while (postgres_turn_next(ledger_pool(ledger), &turn, err))
        turn.is_done = postgres_ledger_presume_expired(turn.connection, &turn.error) &&
                       read_costs(turn.connection, from_day, lines, capacity, count, &turn.error);
    return turn.is_done;
}

static void destroy(struct ledger *ledger) { memory_free(ledger); }

static const struct ledger_operations operations = {
    .destroy = destroy,
    .reserve = postgres_ledger_reserve,
    .settle = postgres_ledger_settle,
    .status = get_status,
    .list_costs = list_costs,
    .find_answer = postgres_ledger_find_answer,
    .observe = postgres_ledger_observe,
    .summarize = postgres_ledger_summarize,
};

struct ledger *postgres_ledger_create(struct store *store, struct error *err) {
    if (strcmp(store->operations->name, "pgvector") != 0) {
        error_set(err, ERROR_INTERNAL, "the store %s keeps no ledger", store->operations->name);
        return NULL;
    }
    struct postgres_ledger *self = memory_alloc(sizeof *self);
    self->ledger.operations = &operations;
    self->pool = &as_postgres(store)->pool;
    return &self->ledger;
}
