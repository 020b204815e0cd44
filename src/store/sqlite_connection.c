#include "store/sqlite_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 2000,  // a backup or a shell may hold the database for a moment
    SYNCHRONOUS_FULL = 2,    // as PRAGMA synchronous answers
};

static const char *const statement_texts[SQL_COUNT_OF_STATEMENTS] = {
#define STATEMENT_TEXT(name, sql) [SQL_##name] = (sql),
    SQLITE_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};

bool sqlite_error_set(struct error *err, sqlite3 *database) {
    const char *message = sqlite3_errmsg(database);
    switch (sqlite3_errcode(database) & 0xff) {  // the low byte is the primary result code
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return error_set(err, ERROR_OVERLOADED,
                             "the database is busy (%s); try again in a moment", message);
        case SQLITE_FULL:
            return error_set(err, ERROR_STORAGE,
                             "the database cannot grow (%s); free some space on its disk", message);
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return error_set(err, ERROR_STORAGE,
                             "the database cannot be written (%s); make its folder writable",
                             message);
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
            return error_set(err, ERROR_STORAGE,
                             "the disk of the database fails or is full (%s); check it", message);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return error_set(err, ERROR_STORAGE,
                             "the database is damaged (%s); it was kept as it is: restore a backup "
                             "in its place, or move it away to start empty",
                             message);
        case SQLITE_NOMEM:
            return error_set(err, ERROR_INTERNAL, "out of memory in the database");
        default:
            return error_set(err, ERROR_INTERNAL, "the database reports: %s", message);
    }
}

bool sqlite_execute(sqlite3 *database, const char *sql, struct error *err) {
    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK ||
           sqlite_error_set(err, database);
}

void sqlite_end_transaction(struct sqlite_connection *connection) {
    // A failed statement or COMMIT may have rolled back already.
    if (sqlite3_get_autocommit(connection->database) == 0)
        (void)sqlite_run(connection, SQL_ROLLBACK, NULL);
}

bool sqlite_query_number(sqlite3 *database, const char *sql, int64_t *number, struct error *err) {
    sqlite3_stmt *statement = NULL;
    bool is_done = sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    if (is_done)
        *number = sqlite3_column_int64(statement, 0);
    else
        sqlite_error_set(err, database);
    (void)sqlite3_finalize(statement);
    return is_done;
}

// Defaults depend on how the library was built: what matters is set and read back.
static bool set_number(sqlite3 *database, const char *setting, const char *question,
                       int64_t expected, struct error *err) {
    int64_t found;
    if (!sqlite_execute(database, setting, err)) return false;
    if (!sqlite_query_number(database, question, &found, err)) return false;
    if (found == expected) return true;
    return error_set(err, ERROR_STORAGE,
                     "this build of SQLite does not accept \"%s\", which the safety of the data "
                     "rests on; install the SQLite library of your distribution",
                     setting);
}

static bool set_write_ahead_log(sqlite3 *database, struct error *err) {
    sqlite3_stmt *statement = NULL;
    bool is_done = sqlite3_prepare_v2(database, "PRAGMA journal_mode = WAL", -1, &statement,
                                      NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;
    if (!is_done) {
        sqlite_error_set(err, database);
        goto out;
    }
    const char *mode = (const char *)sqlite3_column_text(statement, 0);
    if (mode == NULL || strcmp(mode, "wal") != 0)
        is_done = error_set(err, ERROR_STORAGE,
                            "the disk does not allow SQLite's write-ahead log, as network file "
                            "systems do not; choose a data folder on a local disk");
out:
    (void)sqlite3_finalize(statement);
    return is_done;
}

// A file that is there is not opened: to close it again would take away the locks of another
// connection of this process.
bool sqlite_file_create(const char *path, struct error *err) {
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return errno == EEXIST || error_set(err, ERROR_STORAGE, "%s", strerror(errno));
    (void)close(file);
    return true;
}

bool sqlite_connection_open(struct sqlite_connection *connection, const char *path, bool is_reader,
                            struct error *err) {
    *connection = (struct sqlite_connection){0};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int result = sqlite3_open_v2(path, &connection->database, flags, NULL);
    sqlite3 *database = connection->database;
    if (database == NULL) return error_set(err, ERROR_INTERNAL, "out of memory in the database");
    if (result != SQLITE_OK) return sqlite_error_set(err, database);
    (void)sqlite3_extended_result_codes(database, 1);
    (void)sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
    return set_number(database, "PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", 0, err) &&
           set_number(database, "PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", 1, err) &&
           set_number(database, "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", 1, err) &&
           (!is_reader ||
            set_number(database, "PRAGMA query_only = ON", "PRAGMA query_only", 1, err));
}

bool sqlite_connection_make_durable(struct sqlite_connection *connection, struct error *err) {
    sqlite3 *database = connection->database;
    return set_write_ahead_log(database, err) &&
           // 64 MiB: what is kept of the log file after a burst; SQLite's default keeps all.
           set_number(database, "PRAGMA journal_size_limit = 67108864", "PRAGMA journal_size_limit",
                      67108864, err) &&
           set_number(database, "PRAGMA synchronous = FULL", "PRAGMA synchronous", SYNCHRONOUS_FULL,
                      err);
}

bool sqlite_connection_prepare(struct sqlite_connection *connection, struct error *err) {
    for (int i = 0; i < SQL_COUNT_OF_STATEMENTS; i++)
        if (sqlite3_prepare_v3(connection->database, statement_texts[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &connection->statements[i],
                               NULL) != SQLITE_OK)
            return sqlite_error_set(err, connection->database);
    return true;
}

void sqlite_connection_close(struct sqlite_connection *connection) {
    for (int i = 0; i < SQL_COUNT_OF_STATEMENTS; i++)
        (void)sqlite3_finalize(connection->statements[i]);
    (void)sqlite3_close(connection->database);
    *connection = (struct sqlite_connection){0};
}

int sqlite_next(struct sqlite_connection *connection, enum sqlite_statement statement,
                struct error *err) {
    int result = sqlite3_step(connection->statements[statement]);
    if (result != SQLITE_ROW && result != SQLITE_DONE) sqlite_error_set(err, connection->database);
    return result;
}

void sqlite_bind_text(struct sqlite_connection *connection, enum sqlite_statement statement,
                      int parameter, const char *text) {
    (void)sqlite3_bind_text(connection->statements[statement], parameter, text, -1, SQLITE_STATIC);
}

void sqlite_bind_number(struct sqlite_connection *connection, enum sqlite_statement statement,
                        int parameter, int64_t number) {
    (void)sqlite3_bind_int64(connection->statements[statement], parameter, number);
}

void sqlite_finish(struct sqlite_connection *connection, enum sqlite_statement statement) {
    (void)sqlite3_reset(connection->statements[statement]);
    (void)sqlite3_clear_bindings(connection->statements[statement]);
}

bool sqlite_run(struct sqlite_connection *connection, enum sqlite_statement statement,
                struct error *err) {
    bool is_done = sqlite_next(connection, statement, err) == SQLITE_DONE;
    sqlite_finish(connection, statement);
    return is_done;
}
