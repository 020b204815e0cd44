// One connection to the database with its statements, prepared once. A connection is used by one
// thread at a time; who that is, is the matter of sqlite_store.c and sqlite_reader_pool.c.
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

// The columns of struct image_record, in the order of sqlite_record.c.
#define IMAGE_COLUMNS                                                                       \
    "id, sha256, caption, origin, caption_model, embedding_model, confidence, clip_score, " \
    "source, file_name, url, mime, width, height, size_bytes, created_ms"

// Every statement of the store: name, SQL.
#define SQLITE_STATEMENTS(STATEMENT)                                                        \
    STATEMENT(BEGIN, "BEGIN IMMEDIATE")                                                     \
    STATEMENT(BEGIN_READ, "BEGIN")                                                          \
    STATEMENT(COMMIT, "COMMIT")                                                             \
    STATEMENT(ROLLBACK, "ROLLBACK")                                                         \
    STATEMENT(FIND_ROW, "SELECT row, sha256 FROM images WHERE id = ?1")                     \
    STATEMENT(LAST_ROW, "SELECT coalesce(max(row), 0) FROM images")                         \
    STATEMENT(INSERT_IMAGE, "INSERT INTO images (row, " IMAGE_COLUMNS                       \
                            ") VALUES "                                                     \
                            "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)") \
    STATEMENT(INSERT_VECTOR,                                                                \
              "INSERT INTO vectors (image, embedding_model, width, vector) "                \
              "VALUES (?1, ?2, ?3, ?4)")                                                    \
    STATEMENT(REMOVE, "DELETE FROM images WHERE row = ?1")                                  \
    STATEMENT(GET, "SELECT " IMAGE_COLUMNS " FROM images WHERE id = ?1")                    \
    STATEMENT(GET_ROW, "SELECT " IMAGE_COLUMNS " FROM images WHERE row = ?1")               \
    STATEMENT(GET_VECTOR,                                                                   \
              "SELECT vectors.vector FROM images JOIN vectors ON image = row "              \
              "WHERE id = ?1 AND vectors.embedding_model = ?2")                             \
    STATEMENT(LIST, "SELECT " IMAGE_COLUMNS                                                 \
                    " FROM images WHERE (created_ms, id) < (?1, ?2) "                       \
                    "ORDER BY created_ms DESC, id DESC LIMIT ?3")                           \
    STATEMENT(COUNT, "SELECT count(*) FROM images")                                         \
    STATEMENT(LOAD_VECTORS, "SELECT image, embedding_model, vector FROM vectors")           \
    STATEMENT(CHECK, "PRAGMA schema_version")

enum sqlite_statement {
#define STATEMENT_ID(name, sql) SQL_##name,
    SQLITE_STATEMENTS(STATEMENT_ID)
#undef STATEMENT_ID
        SQL_COUNT_OF_STATEMENTS
};

struct sqlite_connection {
    sqlite3 *database;
    sqlite3_stmt *statements[SQL_COUNT_OF_STATEMENTS];
};

// Opens an existing file and changes nothing in it, so that a file of somebody else can be told
// first. A reader cannot write. On failure too: sqlite_connection_close.
bool sqlite_connection_open(struct sqlite_connection *connection, const char *path, bool is_reader,
                            struct error *err);
// Write-ahead log, synced at every commit; read back. Needed in the writer only: readers sync
// nothing.
bool sqlite_connection_make_durable(struct sqlite_connection *connection, struct error *err);
bool sqlite_connection_prepare(struct sqlite_connection *connection, struct error *err);
void sqlite_connection_close(struct sqlite_connection *connection);

// Writes what SQLite last reported as a sentence for the user; always false.
bool sqlite_error_set(struct error *err, sqlite3 *database);

// Runs a statement that answers nothing. The statement is reset and its bindings are cleared.
bool sqlite_run(struct sqlite_connection *connection, enum sqlite_statement statement,
                struct error *err);
// The next row: SQLITE_ROW, or SQLITE_DONE, or an error that has been written to *err. Call
// sqlite_finish when through with the rows.
int sqlite_next(struct sqlite_connection *connection, enum sqlite_statement statement,
                struct error *err);
void sqlite_finish(struct sqlite_connection *connection, enum sqlite_statement statement);

// A single number, of a statement that is not prepared: for pragmas.
bool sqlite_query_number(sqlite3 *database, const char *sql, int64_t *number, struct error *err);
bool sqlite_execute(sqlite3 *database, const char *sql, struct error *err);
