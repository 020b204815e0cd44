// The files that failed before, as the ledger lists them. A folder that could not be opened is
// walked.
#pragma once

#include "cli/index_walk.h"
#include "store/index_ledger.h"

struct index_retry {
    struct index_ledger *ledger;
    const char *left_out;         // as of index_walk_create
    struct ledger_entry current;  // begins as zeros
    struct index_walk *walk;      // of the folder that `current` is, or NULL
    char *root;                   // its path
};

void index_retry_clear(struct index_retry *retry);
// As index_walk_next.
bool index_retry_next(struct index_retry *retry, struct ledger_entry *found, struct error *fault);

// Forgets folders that failed and can be opened now; who walks them needs them no more.
bool index_retry_forget_folders(struct index_ledger *ledger, struct error *err);
