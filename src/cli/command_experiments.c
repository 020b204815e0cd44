// imgrouter experiments report: what the variants have shown so far. It reads beside a running
// server.
#include <string.h>

#include "api/experiments_json.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/experiment_table.h"
#include "cli/json_line.h"
#include "cli/ledger_setup.h"
#include "cli/store_setup.h"

static bool print_report(struct ledger *ledger, bool is_json, struct error *err) {
    struct experiment_report *report = experiment_report_create(ledger, err);
    if (report == NULL) return false;
    for (size_t i = 0; is_json && i < report->count; i++)
        json_line_print(experiment_line_json(&report->lines[i]));
    if (!is_json) experiment_table_print(report);
    experiment_report_destroy(report);
    return true;
}

// Only where the book is in it: opening a large store takes time and memory, one on a server may be
// away.
static bool open_store(const struct settings *settings, struct store **store, struct error *err) {
    char data[DATA_PATH_SIZE];
    if (!ledger_setup_needs_store(settings)) return true;
    if (!data_folder_path(settings, data, err)) return false;
    *store = store_setup_create(settings, data, true, err);
    return *store != NULL;
}

int command_experiments(const struct command_input *input) {
    const struct settings *settings = input->settings;
    struct error err = {0};
    struct store *store = NULL;
    struct ledger *ledger = NULL;
    if (input->word_count != 1 || strcmp(input->words[0], "report") != 0)
        error_set(&err, ERROR_USAGE, "say: experiments report");
    bool is_done = err.kind == ERROR_NONE && open_store(settings, &store, &err) &&
                   (ledger = ledger_setup_create(settings, store, true, &err)) != NULL &&
                   print_report(ledger, settings->is_json, &err);
    if (ledger != NULL) ledger->operations->destroy(ledger);
    if (store != NULL) store->operations->destroy(store);
    return is_done ? 0 : command_fail(&err);
}
