// The answers that were paid for.
#include <math.h>

#include "store/sqlite_ledger_private.h"

// `prompt` must live until the statement is finished.
static void bind_key(struct sqlite_ledger *self, enum sqlite_ledger_statement statement,
                     const struct ledger_answer_key *key, char prompt[static LEDGER_SHA256_SIZE]) {
    ledger_prompt_sha256(key->prompt, prompt);
    sqlite_ledger_bind_text(self, statement, 1, key->sha256);
    sqlite_ledger_bind_text(self, statement, 2, key->provider);
    sqlite_ledger_bind_text(self, statement, 3, key->model);
    sqlite_ledger_bind_text(self, statement, 4, prompt);
}

bool sqlite_ledger_find_answer(struct ledger *ledger, const struct ledger_answer_key *key,
                               struct cloud_answer *answer, bool *is_found, struct error *err) {
    enum sqlite_ledger_statement from = LEDGER_FIND_ANSWER;
    struct sqlite_ledger *self = as_sqlite(ledger);
    char prompt[LEDGER_SHA256_SIZE];
    sqlite_ledger_enter(self);
    bind_key(self, from, key, prompt);
    int result = sqlite_ledger_next(self, from, err);
    *is_found = result == SQLITE_ROW;
    if (*is_found) {
        *answer = (struct cloud_answer){.confidence = NAN};
        sqlite_ledger_read_text(self, from, 0, answer->caption, sizeof answer->caption);
        sqlite_ledger_read_text(self, from, 1, answer->tags, sizeof answer->tags);
        sqlite_ledger_read_text(self, from, 2, answer->model, sizeof answer->model);
        if (sqlite3_column_type(self->statements[from], 3) != SQLITE_NULL)
            answer->confidence = sqlite_ledger_read_real(self, from, 3);
        answer->input_tokens = sqlite_ledger_read_number(self, from, 4);
        answer->output_tokens = sqlite_ledger_read_number(self, from, 5);
        answer->cost_nano_usd = sqlite_ledger_read_number(self, from, 6);
    }
    sqlite_ledger_finish(self, from);
    return sqlite_ledger_leave(self, result == SQLITE_ROW || result == SQLITE_DONE);
}

bool sqlite_ledger_keep_answer(struct sqlite_ledger *self, const struct ledger_answer_key *key,
                               const struct cloud_answer *answer, struct error *err) {
    enum sqlite_ledger_statement into = LEDGER_KEEP_ANSWER;
    char prompt[LEDGER_SHA256_SIZE];
    bind_key(self, into, key, prompt);
    sqlite_ledger_bind_text(self, into, 5, answer->caption);
    sqlite_ledger_bind_text(self, into, 6, answer->tags);
    sqlite_ledger_bind_text(self, into, 7, answer->model);
    sqlite_ledger_bind_real(self, into, 8, answer->confidence);
    sqlite_ledger_bind_number(self, into, 9, answer->input_tokens);
    sqlite_ledger_bind_number(self, into, 10, answer->output_tokens);
    sqlite_ledger_bind_number(self, into, 11, answer->cost_nano_usd);
    if (!sqlite_ledger_run(self, into, err)) return false;
    sqlite_ledger_bind_number(self, LEDGER_FORGET_ANSWERS, 1, LEDGER_ANSWERS_MAX);
    return sqlite_ledger_run(self, LEDGER_FORGET_ANSWERS, err);
}
