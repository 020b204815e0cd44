// The answers that were paid for.
#include "store/postgres_ledger_private.h"

#define KEY_IS "sha256 = $1 AND provider = $2 AND model = $3 AND prompt_sha256 = $4"

// `prompt` must live as long as the parameters.
static void add_key(struct postgres_parameters *parameters, const struct ledger_answer_key *key,
                    char prompt[static LEDGER_SHA256_SIZE]) {
    ledger_prompt_sha256(key->prompt, prompt);
    (void)postgres_add_text(parameters, key->sha256);
    (void)postgres_add_text(parameters, key->provider);
    (void)postgres_add_text(parameters, key->model);
    (void)postgres_add_text(parameters, prompt);
}

static void read_answer(const PGresult *result, struct cloud_answer *answer) {
    *answer = (struct cloud_answer){0};
    postgres_ledger_text(result, 0, 0, answer->caption, sizeof answer->caption);
    postgres_ledger_text(result, 0, 1, answer->tags, sizeof answer->tags);
    postgres_ledger_text(result, 0, 2, answer->model, sizeof answer->model);
    answer->confidence = postgres_ledger_real(result, 0, 3);
    answer->input_tokens = postgres_ledger_number(result, 0, 4);
    answer->output_tokens = postgres_ledger_number(result, 0, 5);
    answer->cost_nano_usd = postgres_ledger_number(result, 0, 6);
}

bool postgres_ledger_find_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                                 struct cloud_answer *answer, bool *is_found, struct error *err) {
    struct postgres_turn turn = {0};
    struct postgres_parameters parameters = {0};
    char prompt[LEDGER_SHA256_SIZE];
    add_key(&parameters, key, prompt);
    while (postgres_turn_next(ledger_pool(ledger), &turn, err)) {
        PGresult *result = postgres_query(turn.connection,
                                          "SELECT caption, tags, answered_model, confidence, "
                                          "input_tokens, output_tokens, cost_nano_usd "
                                          "FROM imgrouter_costs_answers WHERE " KEY_IS,
                                          &parameters, false, &turn.error);
        turn.is_done = result != NULL;
        if (!turn.is_done) continue;
        *is_found = PQntuples(result) == 1;
        if (*is_found) read_answer(result, answer);
        PQclear(result);
    }
    return turn.is_done;
}

bool postgres_ledger_keep_answer(struct postgres_connection *connection,
                                 const struct ledger_answer_key *key,
                                 const struct cloud_answer *answer, struct error *err) {
    static const char change[] =
        "UPDATE imgrouter_costs_answers SET caption = $5, tags = $6, answered_model = $7,"
        " confidence = $8, input_tokens = $9, output_tokens = $10, cost_nano_usd = $11 "
        "WHERE " KEY_IS;
    // Under the ledger's lock, so that numbers have no gap and the oldest is known.
    static const char add[] =
        "WITH last AS (SELECT coalesce(max(number), 0) AS number FROM imgrouter_costs_answers), "
        "forgotten AS (DELETE FROM imgrouter_costs_answers"
        "  WHERE number <= (SELECT number FROM last) + 1 - $12) "
        "INSERT INTO imgrouter_costs_answers (number, sha256, provider, model, prompt_sha256,"
        " caption, tags, answered_model, confidence, input_tokens, output_tokens, cost_nano_usd) "
        "SELECT number + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM last";
    struct postgres_parameters parameters = {0};
    char prompt[LEDGER_SHA256_SIZE];
    size_t changed;
    add_key(&parameters, key, prompt);
    (void)postgres_add_text(&parameters, answer->caption);
    (void)postgres_add_text(&parameters, answer->tags);
    (void)postgres_add_text(&parameters, answer->model);
    postgres_ledger_add_real(&parameters, answer->confidence);
    (void)postgres_add_number(&parameters, answer->input_tokens);
    (void)postgres_add_number(&parameters, answer->output_tokens);
    (void)postgres_add_number(&parameters, answer->cost_nano_usd);
    if (!postgres_run(connection, change, &parameters, &changed, err)) return false;
    if (changed > 0) return true;
    (void)postgres_add_number(&parameters, LEDGER_ANSWERS_MAX);
    return postgres_run(connection, add, &parameters, NULL, err);
}
