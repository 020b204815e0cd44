// One connection to the database with its statements, prepared once. A connection is used by one
// thread at a time; who that is, is the matter of sqlite_store.c and sqlite_reader_pool.c.
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

// The columns of struct image_record, in the order of sqlite_record.c.
#define IMAGE_COLUMNS                                                                         \
    "images.id, sha256, caption, origin, caption_model, embedding_model, confidence, "        \
    "clip_score, source, file_name, url, mime, width, height, size_bytes, created_ms, tags, " \
    "perceptual_hash, receipt"

// The key of a vector: its space's number above its image's row (sqlite_schema.c).
#define SPACE_OF(parameter) "(SELECT space FROM spaces WHERE embedding_model = " parameter ")"
#define KEYS_OF(space) "key BETWEEN " space " << 40 AND (" space " + 1 << 40) - 1"
#define KEYS_OF_SPACE(parameter) KEYS_OF(SPACE_OF(parameter))

// Every statement of the store: name, SQL.
#define SQLITE_STATEMENTS(STATEMENT)                                                                  \
    STATEMENT(BEGIN, "BEGIN IMMEDIATE")                                                               \
    STATEMENT(BEGIN_READ, "BEGIN")                                                                    \
    STATEMENT(COMMIT, "COMMIT")                                                                       \
    STATEMENT(ROLLBACK, "ROLLBACK")                                                                   \
    STATEMENT(FIND_ROW, "SELECT row, sha256 FROM images WHERE id = ?1")                               \
    STATEMENT(LAST_ROW, "SELECT coalesce(max(row), 0) FROM images")                                   \
    STATEMENT(INSERT_IMAGE,                                                                           \
              "INSERT INTO images (row, id, sha256, caption, origin, caption_model, "                 \
              "embedding_model, confidence, clip_score, source, file_name, url, mime, width, "        \
              "height, size_bytes, created_ms, tags, perceptual_hash, receipt) VALUES "               \
              "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)")             \
    STATEMENT(INSERT_TAG, "INSERT INTO image_tags (tag, image) VALUES (?1, ?2)")                      \
    STATEMENT(REMOVE_TAGS, "DELETE FROM image_tags WHERE image = ?1")                                 \
    STATEMENT(ADD_WORDS,                                                                              \
              "INSERT INTO image_words (rowid, caption, file_name, tags) "                            \
              "SELECT row, caption, file_name, tags FROM images WHERE row = ?1")                      \
    STATEMENT(REMOVE_WORDS,                                                                           \
              "INSERT INTO image_words (image_words, rowid, caption, file_name, tags) "               \
              "SELECT 'delete', row, caption, file_name, tags FROM images WHERE row = ?1")            \
    STATEMENT(ADD_SPACE, "INSERT OR IGNORE INTO spaces (embedding_model) VALUES (?1)")                \
    STATEMENT(PUT_VECTOR, "INSERT OR REPLACE INTO vectors (key, vector) VALUES (" SPACE_OF(           \
                              "?1") " << 40 | ?2, ?3)")                                               \
    STATEMENT(REMOVE, "DELETE FROM images WHERE row = ?1")                                            \
    STATEMENT(CHANGE_CAPTION,                                                                         \
              "UPDATE images SET caption = ?2, origin = ?3, receipt = '' WHERE row = ?1")             \
    STATEMENT(CHANGE_TAGS, "UPDATE images SET tags = ?2 WHERE row = ?1")                              \
    STATEMENT(GET, "SELECT " IMAGE_COLUMNS " FROM images WHERE id = ?1")                              \
    STATEMENT(GET_ROW, "SELECT " IMAGE_COLUMNS " FROM images WHERE row = ?1")                         \
    STATEMENT(GET_VECTOR, "SELECT vector FROM images JOIN vectors ON key = " SPACE_OF(                \
                              "?2") " << 40 | row WHERE id = ?1")                                     \
    STATEMENT(LIST, "SELECT " IMAGE_COLUMNS                                                           \
                    " FROM images WHERE (created_ms, id) < (?1, ?2) "                                 \
                    "ORDER BY created_ms DESC, id DESC LIMIT ?3")                                     \
    STATEMENT(LIST_WITHOUT_VECTOR,                                                                \
              "SELECT " IMAGE_COLUMNS                                                             \
              " FROM images WHERE (created_ms, id) < (?1, ?2) AND NOT EXISTS "                    \
              "(SELECT 1 FROM vectors WHERE key = " SPACE_OF("?4") " << 40 | row) "               \
              "ORDER BY created_ms DESC, id DESC LIMIT ?3")   \
    STATEMENT(COUNT, "SELECT count(*) FROM images")                                                   \
    STATEMENT(LIST_SPACES,                                                                          \
              "SELECT embedding_model, "                                                            \
              "coalesce((SELECT min(key) FROM vectors WHERE " KEYS_OF("space") "), 0), "            \
              "coalesce((SELECT max(key) FROM vectors WHERE " KEYS_OF("space") "), -1) "            \
              "FROM spaces") \
    STATEMENT(LOAD_VECTORS,                                                                           \
              "SELECT key & (1 << 40) - 1, vector FROM vectors WHERE key BETWEEN ?1 AND ?2")          \
    STATEMENT(READ_VECTOR, "SELECT vector FROM vectors WHERE key = " SPACE_OF("?2") " << 40 | ?1")    \
    STATEMENT(LOAD_HASHES,                                                                            \
              "SELECT row, perceptual_hash FROM images WHERE perceptual_hash IS NOT NULL")            \
    STATEMENT(GET_ACTIVE_SPACE, "SELECT embedding_model FROM spaces WHERE is_active = 1")             \
    STATEMENT(SET_ACTIVE_SPACE, "UPDATE spaces SET is_active = (embedding_model = ?1)")               \
    STATEMENT(MOVE_TO_SPACE,                                                                          \
              "UPDATE images SET embedding_model = ?1 WHERE embedding_model <> ?1 AND row IN "        \
              "(SELECT key & (1 << 40) - 1 FROM vectors WHERE " KEYS_OF_SPACE("?1") ")")              \
    STATEMENT(REMOVE_VECTORS,                                                                         \
              "DELETE FROM vectors WHERE key IN (SELECT key FROM vectors WHERE " KEYS_OF_SPACE(       \
                  "?1") " LIMIT ?2)")                                                                 \
    STATEMENT(REMOVE_SPACE, "DELETE FROM spaces WHERE embedding_model = ?1")                          \
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

// Makes the file where there is none, readable for this user only, as its -wal and -shm will be;
// SQLite would make it readable for everybody. ERROR_STORAGE.
bool sqlite_file_create(const char *path, struct error *err);
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
// Can only run out of memory, and then the parameter is NULL, which matches nothing. A text must
// live until sqlite_finish.
void sqlite_bind_text(struct sqlite_connection *connection, enum sqlite_statement statement,
                      int parameter, const char *text);
void sqlite_bind_number(struct sqlite_connection *connection, enum sqlite_statement statement,
                        int parameter, int64_t number);
// Rolls back what has not been committed.
void sqlite_end_transaction(struct sqlite_connection *connection);

// A single number, of a statement that is not prepared: for pragmas.
bool sqlite_query_number(sqlite3 *database, const char *sql, int64_t *number, struct error *err);
bool sqlite_execute(sqlite3 *database, const char *sql, struct error *err);
