// The tables, and how an older database becomes one of today. A file is ours when its
// application_id says so, or when it is empty; its user_version counts the migrations it has had.
#pragma once

#include <sqlite3.h>

#include "base/error.h"

// Reads only. ERROR_STORAGE: no database, damaged, another program's, or of a newer imgrouter.
bool sqlite_schema_recognize(sqlite3 *database, struct error *err);
// Brings the tables up to date in one transaction.
bool sqlite_schema_migrate(sqlite3 *database, struct error *err);
// For those who only read: ERROR_STORAGE unless the tables are of this version already.
bool sqlite_schema_require_newest(sqlite3 *database, struct error *err);
