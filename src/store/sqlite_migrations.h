// How a file of ours in SQLite is told from others, and how an older one becomes one of today: its
// application_id says whose it is, or it is empty; its user_version counts the steps it has had.
#pragma once

#include <sqlite3.h>

#include "base/error.h"

struct sqlite_migrations {
    int application_id;  // so that file(1) and we know the file
    const char *name;    // in the log
    const char *what;    // the version is called: "version", "schema version"
    // One a version; never changed after a release, only added to.
    const char *const *steps;
    int count;
};

// Changes nothing. ERROR_STORAGE: no database, damaged, another program's, or of a newer imgrouter.
bool sqlite_migrations_recognize(sqlite3 *database, const struct sqlite_migrations *migrations,
                                 struct error *err);
// Brings the tables up to date in one transaction. Of two that begin at the same moment, the second
// finds it done.
bool sqlite_migrations_apply(sqlite3 *database, const struct sqlite_migrations *migrations,
                             struct error *err);
// For those who only read: ERROR_STORAGE unless the tables are of this version already.
bool sqlite_migrations_require_newest(sqlite3 *database, const struct sqlite_migrations *migrations,
                                      struct error *err);
