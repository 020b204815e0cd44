#include "store/sqlite_migrations.h"

#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "store/sqlite_connection.h"

static bool read_version(sqlite3 *database, int64_t *version, struct error *err) {
    return sqlite_query_number(database, "PRAGMA user_version", version, err);
}

bool sqlite_migrations_recognize(sqlite3 *database, const struct sqlite_migrations *migrations,
                                 struct error *err) {
    int64_t application, version, tables;
    if (!sqlite_query_number(database, "PRAGMA application_id", &application, err) ||
        !read_version(database, &version, err) ||
        !sqlite_query_number(database, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    bool is_empty = application == 0 && version == 0 && tables == 0;
    if (!is_empty && application != migrations->application_id)
        return error_set(err, ERROR_STORAGE,
                         "it is a database of another program; choose another data folder");
    if (version < 0 || version > migrations->count)
        return error_set(err, ERROR_STORAGE,
                         "it has %s %lld and this imgrouter knows versions up to %d; use the "
                         "imgrouter that wrote it, or a newer one",
                         migrations->what, (long long)version, migrations->count);
    return true;
}

static bool take_steps(sqlite3 *database, const struct sqlite_migrations *migrations,
                       struct error *err) {
    char stamp[96];
    int64_t version = 0;
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   migrations->application_id, migrations->count);
    // Looked at again: somebody else may have been first.
    if (!sqlite_migrations_recognize(database, migrations, err) ||
        !read_version(database, &version, err))
        return false;
    if (version > 0 && version < migrations->count)
        log_info("%s: %s %d to %d", migrations->name, migrations->what, (int)version,
                 migrations->count);
    for (int64_t i = version; i < migrations->count; i++)
        if (!sqlite_execute(database, migrations->steps[i], err)) return false;
    return sqlite_execute(database, stamp, err);
}

bool sqlite_migrations_apply(sqlite3 *database, const struct sqlite_migrations *migrations,
                             struct error *err) {
    int64_t version;
    if (!read_version(database, &version, err)) return false;
    if (version == migrations->count) return true;
    bool is_done = sqlite_execute(database, "BEGIN IMMEDIATE", err) &&
                   take_steps(database, migrations, err) && sqlite_execute(database, "COMMIT", err);
    if (!is_done && sqlite3_get_autocommit(database) == 0)
        (void)sqlite_execute(database, "ROLLBACK", NULL);
    return is_done;
}

bool sqlite_migrations_require_newest(sqlite3 *database, const struct sqlite_migrations *migrations,
                                      struct error *err) {
    int64_t version;
    if (!read_version(database, &version, err)) return false;
    return version == migrations->count ||
           error_set(err, ERROR_STORAGE,
                     "its %s is %lld, not %d; start the server once to bring it up to date",
                     migrations->what, (long long)version, migrations->count);
}
