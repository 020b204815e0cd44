// What experiments observed.
#include <string.h>

#include "store/postgres_ledger_private.h"

bool postgres_ledger_observe(struct ledger *ledger, const struct ledger_observation *observation,
                             struct error *err) {
    static const char sql[] =
        "INSERT INTO imgrouter_costs_observations (experiment, variant, image_id, is_shadow,"
        " provider, model, caption, cost_nano_usd, latency_ms, confidence, clip_score, agreement) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
        "ON CONFLICT (experiment, variant, image_id) DO UPDATE SET is_shadow = $4, provider = $5,"
        " model = $6, caption = $7, cost_nano_usd = $8, latency_ms = $9, confidence = $10,"
        " clip_score = $11, agreement = $12";
    struct postgres_turn turn = {0};
    struct postgres_parameters parameters = {0};
    const char *const texts[] = {observation->experiment, observation->variant,
                                 observation->image_id,   observation->is_shadow ? "t" : "f",
                                 observation->provider,   observation->model,
                                 observation->caption};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        (void)postgres_add_text(&parameters, texts[i]);
    (void)postgres_add_number(&parameters, observation->cost_nano_usd);
    postgres_ledger_add_real(&parameters, observation->latency_ms);
    postgres_ledger_add_real(&parameters, observation->confidence);
    postgres_ledger_add_real(&parameters, observation->clip_score);
    postgres_ledger_add_real(&parameters, observation->agreement);
    while (postgres_turn_next(ledger_pool(ledger), &turn, err))
        turn.is_done = postgres_run(turn.connection, sql, &parameters, NULL, &turn.error);
    return turn.is_done;
}

static struct ledger_sum read_sum(const PGresult *result, int row, int column) {
    return (struct ledger_sum){.count = postgres_ledger_number(result, row, column),
                               .sum = postgres_ledger_real(result, row, column + 1),
                               .sum_of_squares = postgres_ledger_real(result, row, column + 2)};
}

static void read_summary(const PGresult *result, int row, struct ledger_summary *summary) {
    *summary = (struct ledger_summary){0};
    postgres_ledger_text(result, row, 0, summary->experiment, sizeof summary->experiment);
    postgres_ledger_text(result, row, 1, summary->variant, sizeof summary->variant);
    summary->is_shadow = strcmp(PQgetvalue(result, row, 2), "t") == 0;
    summary->images = postgres_ledger_number(result, row, 3);
    summary->cloud_images = postgres_ledger_number(result, row, 4);
    struct ledger_sum *const sums[] = {&summary->cost_nano_usd, &summary->latency_ms,
                                       &summary->confidence, &summary->clip_score,
                                       &summary->agreement};
    for (int i = 0; i < 5; i++) *sums[i] = read_sum(result, row, 5 + 3 * i);
}

#define SUM_OF(column)                        \
    "count(" column "), coalesce(sum(" column \
    "), 0), "                                 \
    "coalesce(sum(" column "::double precision * " column "), 0)"

bool postgres_ledger_summarize(struct ledger *ledger, struct ledger_summary *summaries,
                               size_t capacity, size_t *count, struct error *err) {
    static const char sql[] =
        "SELECT experiment, variant, is_shadow, count(*),"
        " count(*) FILTER (WHERE provider <> 'local'), " SUM_OF("cost_nano_usd") ", "
        SUM_OF("latency_ms") ", " SUM_OF("confidence") ", " SUM_OF("clip_score") ", "
        SUM_OF("agreement")
        " FROM imgrouter_costs_observations GROUP BY experiment, variant, is_shadow "
        "ORDER BY experiment COLLATE \"C\", variant COLLATE \"C\", is_shadow LIMIT $1";
    struct postgres_turn turn = {0};
    struct postgres_parameters parameters = {0};
    (void)postgres_add_number(&parameters, (int64_t)capacity);
    *count = 0;
    while (postgres_turn_next(ledger_pool(ledger), &turn, err)) {
        PGresult *result = postgres_query(turn.connection, sql, &parameters, false, &turn.error);
        turn.is_done = result != NULL;
        if (!turn.is_done) continue;
        *count = (size_t)PQntuples(result);
        for (int row = 0; row < PQntuples(result); row++)
            read_summary(result, row, &summaries[row]);
        PQclear(result);
    }
    return turn.is_done;
}
