#include "store/index_ledger.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/sqlite_connection.h"

#define APPLICATION_ID 0x696d676c  // "imgl": the store's databases have another

enum { SCHEMA_VERSION = 1 };

// Paths are bytes: file names need not be UTF-8.
static const char schema[] =
    "CREATE TABLE files ("
    "  path BLOB PRIMARY KEY,"
    "  name_start INTEGER NOT NULL,"
    "  size_bytes INTEGER NOT NULL,"
    "  modified_ns INTEGER NOT NULL,"
    "  is_done INTEGER NOT NULL,"
    "  target TEXT NOT NULL,"
    "  image_id TEXT NOT NULL,"
    "  reason TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX failed_files ON files (path) WHERE is_done = 0;";

enum ledger_statement { LOOK_UP, WRITE, FORGET, NEXT_FAILED, STATEMENT_COUNT };

static const char *const statement_texts[STATEMENT_COUNT] = {
    [LOOK_UP] =
        "SELECT 1 FROM files WHERE path = ?1 AND is_done = 1 AND size_bytes = ?2 "
        "AND modified_ns = ?3 AND target = ?4",
    [WRITE] =
        "INSERT OR REPLACE INTO files (path, size_bytes, modified_ns, target, name_start, "
        "is_done, image_id, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [FORGET] = "DELETE FROM files WHERE path = ?1",
    [NEXT_FAILED] =
        "SELECT path, name_start, size_bytes, modified_ns, target, reason FROM files "
        "WHERE is_done = 0 AND path > ?1 ORDER BY path LIMIT 1",
};

struct index_ledger {
    pthread_mutex_t mutex;
    struct sqlite_connection connection;  // under the mutex; its own statements are the store's
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

static bool recognize(sqlite3 *database, bool *is_empty, struct error *err) {
    int64_t application, version, tables;
    if (!sqlite_query_number(database, "PRAGMA application_id", &application, err) ||
        !sqlite_query_number(database, "PRAGMA user_version", &version, err) ||
        !sqlite_query_number(database, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    *is_empty = application == 0 && version == 0 && tables == 0;
    if (!*is_empty && application != APPLICATION_ID)
        return error_set(err, ERROR_STORAGE,
                         "it is a database of another program; choose another data folder");
    if (!*is_empty && version != SCHEMA_VERSION)
        return error_set(err, ERROR_STORAGE,
                         "it has version %lld and this imgrouter knows version %d; use the "
                         "imgrouter that wrote it, or move it away: what is stored will be known",
                         (long long)version, SCHEMA_VERSION);
    return true;
}

// Two that begin at the same moment: the second finds the tables made.
static bool create_tables(sqlite3 *database, struct error *err) {
    char stamp[96];
    bool is_empty;
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   APPLICATION_ID, SCHEMA_VERSION);
    bool is_done =
        sqlite_execute(database, "BEGIN IMMEDIATE", err) && recognize(database, &is_empty, err) &&
        (!is_empty ||
         (sqlite_execute(database, schema, err) && sqlite_execute(database, stamp, err))) &&
        sqlite_execute(database, "COMMIT", err);
    if (!is_done && sqlite3_get_autocommit(database) == 0)
        (void)sqlite_execute(database, "ROLLBACK", NULL);
    return is_done;
}

static bool open_database(struct index_ledger *ledger, const char *path, struct error *err) {
    struct sqlite_connection *connection = &ledger->connection;
    bool is_empty;
    // A sync for each file would cost more than the ledger is worth.
    if (!sqlite_file_create(path, err) || !sqlite_connection_open(connection, path, false, err) ||
        !recognize(connection->database, &is_empty, err) ||
        !sqlite_connection_make_durable(connection, err) ||
        !sqlite_execute(connection->database, "PRAGMA synchronous = NORMAL", err) ||
        !create_tables(connection->database, err))
        return false;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(connection->database, statement_texts[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &ledger->statements[i],
                               NULL) != SQLITE_OK)
            return sqlite_error_set(err, connection->database);
    return true;
}

struct index_ledger *index_ledger_open(const char *folder, struct error *err) {
    char path[LEDGER_PATH_SIZE];
    struct error problem = {0};
    int length = snprintf(path, sizeof path, "%s/index-ledger.db", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        error_set(err, ERROR_STORAGE, "the path %.80s… is too long; choose another data folder",
                  folder);
        return NULL;
    }
    struct index_ledger *ledger = memory_alloc(sizeof *ledger);
    (void)pthread_mutex_init(&ledger->mutex, NULL);
    if (folder_create(folder, &problem) && open_database(ledger, path, &problem)) return ledger;
    index_ledger_close(ledger);
    error_set(err, problem.kind, "the ledger %s cannot be used: %s", path, problem.text);
    return NULL;
}

void index_ledger_close(struct index_ledger *ledger) {
    if (ledger == NULL) return;
    for (int i = 0; i < STATEMENT_COUNT; i++) (void)sqlite3_finalize(ledger->statements[i]);
    sqlite_connection_close(&ledger->connection);
    (void)pthread_mutex_destroy(&ledger->mutex);
    memory_free(ledger);
}

// Binding can only run out of memory, and then the parameter is NULL, which the table refuses and
// no row has.
static sqlite3_stmt *begin(struct index_ledger *ledger, enum ledger_statement which,
                           const char *path) {
    (void)pthread_mutex_lock(&ledger->mutex);
    sqlite3_stmt *statement = ledger->statements[which];
    (void)sqlite3_bind_blob64(statement, 1, path, strlen(path), SQLITE_STATIC);
    return statement;
}

static void bind_file(sqlite3_stmt *statement, const struct ledger_entry *entry) {
    (void)sqlite3_bind_int64(statement, 2, entry->size_bytes);
    (void)sqlite3_bind_int64(statement, 3, entry->modified_ns);
    (void)sqlite3_bind_text(statement, 4, entry->target, -1, SQLITE_STATIC);
}

// Lets go of the statement and the ledger. False when the step failed.
static bool end(struct index_ledger *ledger, sqlite3_stmt *statement, int result,
                struct error *err) {
    struct error problem = {0};
    bool is_done = result == SQLITE_ROW || result == SQLITE_DONE;
    if (!is_done) sqlite_error_set(&problem, ledger->connection.database);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    (void)pthread_mutex_unlock(&ledger->mutex);
    return is_done ||
           error_set(err, problem.kind, "the ledger of `imgrouter index`: %s", problem.text);
}

bool index_ledger_look_up(struct index_ledger *ledger, const struct ledger_entry *entry,
                          bool *is_done, struct error *err) {
    sqlite3_stmt *statement = begin(ledger, LOOK_UP, entry->path);
    bind_file(statement, entry);
    int result = sqlite3_step(statement);
    *is_done = result == SQLITE_ROW;
    return end(ledger, statement, result, err);
}

bool index_ledger_write(struct index_ledger *ledger, const struct ledger_entry *entry,
                        struct error *err) {
    sqlite3_stmt *statement = begin(ledger, WRITE, entry->path);
    bind_file(statement, entry);
    (void)sqlite3_bind_int64(statement, 5, (int64_t)entry->name_start);
    (void)sqlite3_bind_int(statement, 6, entry->is_done);
    (void)sqlite3_bind_text(statement, 7, entry->is_done ? entry->image_id : "", -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 8, entry->is_done ? "" : entry->reason, -1, SQLITE_STATIC);
    return end(ledger, statement, sqlite3_step(statement), err);
}

bool index_ledger_forget(struct index_ledger *ledger, const char *path, struct error *err) {
    sqlite3_stmt *statement = begin(ledger, FORGET, path);
    return end(ledger, statement, sqlite3_step(statement), err);
}

static void read_text(sqlite3_stmt *statement, int column, char *text, size_t size) {
    const unsigned char *value = sqlite3_column_text(statement, column);
    (void)snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
}

bool index_ledger_next_failed(struct index_ledger *ledger, struct ledger_entry *entry,
                              bool *is_found, struct error *err) {
    sqlite3_stmt *statement = begin(ledger, NEXT_FAILED, entry->path);
    int result = sqlite3_step(statement);
    *is_found = result == SQLITE_ROW;
    if (*is_found) {
        struct ledger_entry found = {.name_start = (size_t)sqlite3_column_int64(statement, 1),
                                     .size_bytes = sqlite3_column_int64(statement, 2),
                                     .modified_ns = sqlite3_column_int64(statement, 3)};
        const void *path = sqlite3_column_blob(statement, 0);
        size_t size = (size_t)sqlite3_column_bytes(statement, 0);
        if (size >= sizeof found.path) size = sizeof found.path - 1;  // none of ours is longer
        if (size > 0) memcpy(found.path, path, size);
        if (found.name_start > size) found.name_start = 0;
        read_text(statement, 4, found.target, sizeof found.target);
        read_text(statement, 5, found.reason, sizeof found.reason);
        *entry = found;
    }
    return end(ledger, statement, result, err);
}
