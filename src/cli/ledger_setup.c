#include "cli/ledger_setup.h"

#include <string.h>

#include "cli/data_folder.h"
#include "store/postgres_ledger.h"
#include "store/sqlite_ledger.h"

struct ledger *ledger_setup_create(const struct settings *settings, struct store *store,
                                   bool is_reader, struct error *err) {
    char data[DATA_PATH_SIZE];
    if (strcmp(store->operations->name, "pgvector") == 0) return postgres_ledger_create(store, err);
    if (!data_folder_path(settings, data, err)) return NULL;
    return is_reader ? sqlite_ledger_create_reader(data, err) : sqlite_ledger_create(data, err);
}
