// The tables of costs.db, and how an older file becomes one of today.
#pragma once

#include <sqlite3.h>

#include "base/error.h"

// Changes nothing. ERROR_STORAGE: a file of another program or of a newer imgrouter.
bool sqlite_ledger_schema_recognize(sqlite3 *database, struct error *err);
// In one transaction; of two that begin at the same moment, the second finds it done.
bool sqlite_ledger_schema_migrate(sqlite3 *database, struct error *err);
// For those who only read. ERROR_STORAGE: not of this version.
bool sqlite_ledger_schema_require_newest(sqlite3 *database, struct error *err);
