// Calls: reserved, settled, expired.
#include <string.h>

#include "store/postgres_ledger_private.h"

enum {
    FORGOTTEN_AT_ONCE = 4
};  // more than one comes: what is old shrinks, and nobody waits for it

// What a reservation is judged by.
struct look {
    int64_t now_ms;
    bool has_call;  // it was made by an earlier turn, on `call_day`
    int64_t call_day;
    bool has_expired;  // calls that nobody has counted yet
    bool is_minute_full;
    struct ledger_day day, purse;
};

static const char *purse_of(const struct ledger_request *request) {
    return request->purse == NULL ? "" : request->purse;
}

static struct ledger_day read_day(const PGresult *result, int column) {
    return (struct ledger_day){.requests = postgres_ledger_number(result, 0, column),
                               .spent_nano_usd = postgres_ledger_number(result, 0, column + 1),
                               .reserved_nano_usd = postgres_ledger_number(result, 0, column + 2)};
}

static bool take_look(struct postgres_connection *connection, const struct ledger_request *request,
                      const struct ledger_call *call, struct look *look, struct error *err) {
    static const char sql[] =
        "WITH clock AS MATERIALIZED (SELECT " LEDGER_NOW
        " AS now_ms) "
        "SELECT now_ms, (SELECT day FROM imgrouter_costs_calls WHERE id = $1),"
        " EXISTS (SELECT FROM imgrouter_costs_calls WHERE state = 0 AND expires_ms <= now_ms),"
        " (SELECT started_ms FROM imgrouter_costs_calls"
        "  WHERE number = (SELECT max(number) FROM imgrouter_costs_calls) - $2),"
        " every.requests, every.spent_nano_usd, every.reserved_nano_usd,"
        " own.requests, own.spent_nano_usd, own.reserved_nano_usd FROM clock"
        " LEFT JOIN imgrouter_costs_days AS every ON every.day = now_ms / $3 AND every.purse = ''"
        " LEFT JOIN imgrouter_costs_days AS own ON own.day = now_ms / $3 AND own.purse = $4";
    struct postgres_parameters parameters = {0};
    int64_t per_minute = request->limits.per_minute;
    (void)postgres_add_text(&parameters, call->id);
    (void)postgres_add_number(&parameters, per_minute < 1 ? 0 : per_minute - 1);
    (void)postgres_add_number(&parameters, LEDGER_DAY_MS);
    (void)postgres_add_text(&parameters, purse_of(request));
    PGresult *result = postgres_query(connection, sql, &parameters, false, err);
    if (result == NULL) return false;
    *look = (struct look){
        .now_ms = postgres_ledger_number(result, 0, 0),
        .has_call = PQgetisnull(result, 0, 1) == 0,
        .call_day = postgres_ledger_number(result, 0, 1),
        .has_expired = strcmp(PQgetvalue(result, 0, 2), "t") == 0,
        .day = read_day(result, 4),
        .purse = read_day(result, 7),
    };
    look->is_minute_full =
        PQgetisnull(result, 0, 3) == 0 &&
        ledger_is_this_minute(postgres_ledger_number(result, 0, 3), look->now_ms);
    PQclear(result);
    return true;
}

// Sums of bigint are numeric: they do not run over before LEDGER_SUM has them.
static bool presume_within(struct postgres_connection *connection, struct error *err) {
    static const char sql[] =
        "WITH expired AS (UPDATE imgrouter_costs_calls"
        "  SET state = 1, cost_nano_usd = ceiling_nano_usd"
        "  WHERE state = 0 AND expires_ms <= " LEDGER_NOW
        "  RETURNING day, purse, provider, model, reason, ceiling_nano_usd AS ceiling), "
        "purses AS (SELECT day, purse, sum(ceiling) AS ceilings FROM ("
        "  SELECT day, '' AS purse, ceiling FROM expired UNION ALL"
        "  SELECT day, purse, ceiling FROM expired WHERE purse <> '') AS every"
        "  GROUP BY day, purse), "
        "changed AS (UPDATE imgrouter_costs_days AS days"
        "  SET spent_nano_usd = " LEDGER_SUM("spent_nano_usd", "ceilings") ","
        "   reserved_nano_usd = reserved_nano_usd - ceilings::bigint"
        "  FROM purses WHERE days.day = purses.day AND days.purse = purses.purse) "
        "INSERT INTO imgrouter_costs_totals AS totals "
        "SELECT day, provider, model, reason, count(*), 0, sum(ceiling), 0, sum(ceiling), 0, 0, 0 "
        "FROM expired GROUP BY day, provider, model, reason "
        "ON CONFLICT (day, provider, model, reason) DO UPDATE SET "
        "requests = totals.requests + excluded.requests, "
        "cost_nano_usd = " LEDGER_SUM("totals.cost_nano_usd", "excluded.cost_nano_usd") ", "
        "presumed_nano_usd = " LEDGER_SUM("totals.presumed_nano_usd",
                                          "excluded.presumed_nano_usd");
    return postgres_run(connection, sql, NULL, NULL, err);
}

bool postgres_ledger_presume_expired(struct postgres_connection *connection, struct error *err) {
    static const char sql[] =
        "SELECT 1 FROM imgrouter_costs_calls WHERE state = 0 AND expires_ms <= " LEDGER_NOW
        " LIMIT 1";
    if (connection->options->is_reader) return true;  // they are under way to it
    PGresult *result = postgres_query(connection, sql, NULL, false, err);
    if (result == NULL) return false;
    bool has_expired = PQntuples(result) > 0;
    PQclear(result);
    return !has_expired ||
           (postgres_execute(connection, LEDGER_BEGIN, err) && presume_within(connection, err) &&
            postgres_execute(connection, "COMMIT", err));
}

static bool add_call(struct postgres_connection *connection, const struct ledger_request *request,
                     const struct ledger_call *call, int64_t now_ms, struct error *err) {
    static const char sql[] =
        "WITH forgotten AS (DELETE FROM imgrouter_costs_calls WHERE number IN ("
        "  SELECT number FROM imgrouter_costs_calls WHERE started_ms < $10 AND state <> 0"
        "  ORDER BY started_ms LIMIT $11)), "
        "added AS (INSERT INTO imgrouter_costs_calls (number, id, day, purse, provider, model,"
        "  reason, started_ms, expires_ms, ceiling_nano_usd, state)"
        "  SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, 0"
        "  FROM imgrouter_costs_calls) "
        "INSERT INTO imgrouter_costs_days AS days"
        " (day, purse, requests, spent_nano_usd, reserved_nano_usd) "
        "SELECT DISTINCT $2::bigint, purse, 1, 0, $9::bigint"
        " FROM unnest(ARRAY['', $3]) AS purse "
        "ON CONFLICT (day, purse) DO UPDATE SET requests = days.requests + 1,"
        " reserved_nano_usd = days.reserved_nano_usd + excluded.reserved_nano_usd";
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, call->id);
    (void)postgres_add_number(&parameters, call->day);
    (void)postgres_add_text(&parameters, purse_of(request));
    (void)postgres_add_text(&parameters, request->provider);
    (void)postgres_add_text(&parameters, request->model);
    (void)postgres_add_text(&parameters, request->reason);
    (void)postgres_add_number(&parameters, now_ms);
    (void)postgres_add_number(&parameters, now_ms + request->expires_in_ms);
    (void)postgres_add_number(&parameters, ledger_ceiling(request));
    (void)postgres_add_number(&parameters, now_ms - (int64_t)LEDGER_CALL_DAYS * LEDGER_DAY_MS);
    (void)postgres_add_number(&parameters, FORGOTTEN_AT_ONCE);
    return postgres_run(connection, sql, &parameters, NULL, err);
}

static bool reserve_within(struct postgres_connection *connection,
                           const struct ledger_request *request, struct ledger_call *call,
                           enum ledger_verdict *verdict, struct error *err) {
    struct look look;
    if (!postgres_execute(connection, LEDGER_BEGIN, err) ||
        !take_look(connection, request, call, &look, err))
        return false;
    if (look.has_expired &&
        (!presume_within(connection, err) || !take_look(connection, request, call, &look, err)))
        return false;
    call->day = look.has_call ? look.call_day : look.now_ms / LEDGER_DAY_MS;
    *verdict = look.has_call ? LEDGER_RESERVED
                             : ledger_judge(request, look.is_minute_full, &look.day, &look.purse);
    return (look.has_call || *verdict != LEDGER_RESERVED ||
            add_call(connection, request, call, look.now_ms, err)) &&
           postgres_execute(connection, "COMMIT", err);
}

bool postgres_ledger_reserve(struct ledger *ledger, const struct ledger_request *request,
                             struct ledger_call *call, enum ledger_verdict *verdict,
                             struct error *err) {
    struct postgres_turn turn = {0};
    if (!ledger_id_draw(call->id, err)) return false;
    while (postgres_turn_next(ledger_pool(ledger), &turn, err))
        turn.is_done = reserve_within(turn.connection, request, call, verdict, &turn.error);
    return turn.is_done;
}

static bool close_call(struct postgres_connection *connection, int64_t number,
                       const struct ledger_settlement *settlement,
                       const struct ledger_change *change, struct error *err) {
    static const char sql[] =
        "WITH call AS (UPDATE imgrouter_costs_calls"
        "  SET state = $2, cost_nano_usd = $3, outcome = $4 WHERE number = $1"
        "  RETURNING day, purse, provider, model, reason), "
        "changed AS (UPDATE imgrouter_costs_days AS days"
        "  SET reserved_nano_usd = reserved_nano_usd - $5,"
        "   spent_nano_usd = " LEDGER_SUM("spent_nano_usd", "$6") ""
        "  FROM call WHERE days.day = call.day AND days.purse IN ('', call.purse)) "
        "INSERT INTO imgrouter_costs_totals AS totals "
        "SELECT day, provider, model, reason, $7, $8, $6, $9, $10, $11, $12, $13 FROM call "
        "ON CONFLICT (day, provider, model, reason) DO UPDATE SET "
        "requests = totals.requests + $7, answered = totals.answered + $8, "
        "cost_nano_usd = " LEDGER_SUM("totals.cost_nano_usd", "$6") ", "
        "estimated_nano_usd = " LEDGER_SUM("totals.estimated_nano_usd", "$9") ", "
        "presumed_nano_usd = " LEDGER_SUM("totals.presumed_nano_usd", "$10") ", "
        "input_tokens = " LEDGER_SUM("totals.input_tokens", "$11") ", "
        "output_tokens = " LEDGER_SUM("totals.output_tokens", "$12") ", "
        "duration_ms = totals.duration_ms + $13";
    struct postgres_parameters parameters = {0};
    (void)postgres_add_number(&parameters, number);
    (void)postgres_add_number(&parameters, LEDGER_CALL_SETTLED);
    (void)postgres_add_number(&parameters, ledger_cost(settlement));
    (void)postgres_add_text(&parameters, settlement->outcome);
    (void)postgres_add_number(&parameters, change->reserved_nano_usd);
    (void)postgres_add_number(&parameters, change->cost_nano_usd);
    (void)postgres_add_number(&parameters, change->requests);
    (void)postgres_add_number(&parameters, change->answered);
    (void)postgres_add_number(&parameters, change->estimated_nano_usd);
    (void)postgres_add_number(&parameters, change->presumed_nano_usd);
    (void)postgres_add_number(&parameters, change->input_tokens);
    (void)postgres_add_number(&parameters, change->output_tokens);
    (void)postgres_add_real(&parameters, change->duration_ms);
    return postgres_run(connection, sql, &parameters, NULL, err);
}

static bool settle_within(struct postgres_connection *connection, const struct ledger_call *call,
                          const struct ledger_settlement *settlement, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, call->id);
    if (!postgres_execute(connection, LEDGER_BEGIN, err)) return false;
    PGresult *result = postgres_query(connection,
                                      "SELECT number, ceiling_nano_usd, state "
                                      "FROM imgrouter_costs_calls WHERE id = $1",
                                      &parameters, false, err);
    if (result == NULL) return false;
    bool is_found = PQntuples(result) == 1;
    int64_t number = 0, ceiling = 0;
    enum ledger_call_state state = LEDGER_CALL_SETTLED;
    if (is_found) {
        number = postgres_ledger_number(result, 0, 0);
        ceiling = postgres_ledger_number(result, 0, 1);
        state = (enum ledger_call_state)postgres_ledger_number(result, 0, 2);
    }
    PQclear(result);
    if (state == LEDGER_CALL_SETTLED) return true;
    struct ledger_change change = ledger_change_of(state, ceiling, settlement);
    return close_call(connection, number, settlement, &change, err) &&
           (settlement->key == NULL ||
            postgres_ledger_keep_answer(connection, settlement->key, settlement->answer, err)) &&
           postgres_execute(connection, "COMMIT", err);
}

bool postgres_ledger_settle(struct ledger *ledger, const struct ledger_call *call,
                            const struct ledger_settlement *settlement, struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(ledger_pool(ledger), &turn, err))
        turn.is_done = settle_within(turn.connection, call, settlement, &turn.error);
    return turn.is_done;
}
