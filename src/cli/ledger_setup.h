// From settings to the book of cloud costs: in the database of the store pgvector, else in the data
// folder.
#pragma once

#include "cli/settings.h"
#include "cloud/ledger.h"
#include "store/store.h"

// Whether the book is in the store's database; where it is not, ledger_setup_create takes NULL.
bool ledger_setup_needs_store(const struct settings *settings);
// The store must outlive it. `is_reader`: only to look, also beside a server that writes;
// ERROR_NOT_FOUND when there is no book yet.
struct ledger *ledger_setup_create(const struct settings *settings, struct store *store,
                                   bool is_reader, struct error *err);
