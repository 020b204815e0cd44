#include "cli/ledger_setup.h"

#include <string.h>

#include "cli/data_folder.h"
#include "store/postgres_ledger.h"
#include "store/sqlite_ledger.h"

bool ledger_setup_needs_store(const struct settings *settings) {
    // One that is not known, too: opening it says so.
    return strcmp(settings->vector_backend, "sqlite") != 0 &&
           strcmp(settings->vector_backend, "qdrant") != 0;
}

struct ledger *ledger_setup_create(const struct settings *settings, struct store *store,
                                   bool is_reader, struct error *err) {
    char data[DATA_PATH_SIZE];
    if (ledger_setup_needs_store(settings)) return postgres_ledger_create(store, err);
    if (!data_folder_path(settings, data, err)) return NULL;
    return is_reader ? sqlite_ledger_create_reader(data, err) : sqlite_ledger_create(data, err);
}
