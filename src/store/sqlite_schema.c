#include "store/sqlite_schema.h"

#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "store/sqlite_connection.h"

#define APPLICATION_ID 0x696d6772  // "imgr", so that file(1) and we know the file

// One entry a version; never changed after a release, only added to.
//
// images.row is the key of the index in memory. A vector is little-endian float32; its key holds
// its space and its image (sqlite_vector_key), so that reading one is a single look into the table,
// and those of a space lie together in the order of their images. created_ms is UTC; tags are one a
// line, as in struct image_record, and once more in image_tags to find them by; receipt is as
// receipt_write has it. image_words holds
// no text of its own; sqlite_write.c keeps it in step, for SQLite 3.40 runs no trigger on it while
// trusted_schema is off.
static const char *const migrations[] = {
    "CREATE TABLE images ("
    "  row INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  sha256 TEXT NOT NULL,"
    "  caption TEXT NOT NULL,"
    "  origin TEXT NOT NULL,"
    "  caption_model TEXT NOT NULL,"
    "  embedding_model TEXT NOT NULL,"
    "  confidence REAL NOT NULL,"
    "  clip_score REAL NOT NULL,"
    "  source TEXT NOT NULL CHECK (source IN ('upload', 'url')),"
    "  file_name TEXT NOT NULL,"
    "  url TEXT NOT NULL,"
    "  mime TEXT NOT NULL,"
    "  width INTEGER NOT NULL,"
    "  height INTEGER NOT NULL,"
    "  size_bytes INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX images_newest ON images (created_ms, id);"
    "CREATE TABLE vectors ("
    "  image INTEGER NOT NULL REFERENCES images (row) ON DELETE CASCADE,"
    "  embedding_model TEXT NOT NULL,"
    "  width INTEGER NOT NULL,"
    "  vector BLOB NOT NULL CHECK (length(vector) = 4 * width),"
    "  PRIMARY KEY (image, embedding_model)"
    ") STRICT;",

    "ALTER TABLE images ADD COLUMN tags TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE images ADD COLUMN perceptual_hash INTEGER;"
    "CREATE INDEX images_hash ON images (perceptual_hash) WHERE perceptual_hash IS NOT NULL;"
    "CREATE TABLE image_tags ("
    "  tag TEXT NOT NULL,"
    "  image INTEGER NOT NULL REFERENCES images (row) ON DELETE CASCADE,"
    "  PRIMARY KEY (tag, image)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX image_tags_image ON image_tags (image);"
    "CREATE TABLE spaces ("
    "  space INTEGER PRIMARY KEY,"
    "  embedding_model TEXT NOT NULL UNIQUE,"
    "  is_active INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "INSERT INTO spaces (embedding_model) SELECT DISTINCT embedding_model FROM vectors;"
    "ALTER TABLE vectors RENAME TO vectors_of_version_1;"
    "CREATE TABLE vectors (key INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT;"
    "INSERT INTO vectors SELECT space << 40 | image, vector"
    "  FROM vectors_of_version_1 JOIN spaces USING (embedding_model) ORDER BY 1;"
    "DROP TABLE vectors_of_version_1;"
    "CREATE TRIGGER images_remove_vectors AFTER DELETE ON images BEGIN"
    "  DELETE FROM vectors WHERE key IN (SELECT space << 40 | old.row FROM spaces);"
    "END;"
    "CREATE VIRTUAL TABLE image_words USING fts5 (caption, file_name, tags,"
    "  content = 'images', content_rowid = 'row',"
    "  tokenize = 'porter unicode61 remove_diacritics 2');"
    "INSERT INTO image_words (image_words) VALUES ('rebuild');",

    "ALTER TABLE images ADD COLUMN receipt TEXT NOT NULL DEFAULT '';",
};

enum { NEWEST_VERSION = sizeof migrations / sizeof migrations[0] };

bool sqlite_schema_recognize(sqlite3 *database, struct error *err) {
    int64_t application, version, tables;
    if (!sqlite_query_number(database, "PRAGMA application_id", &application, err) ||
        !sqlite_query_number(database, "PRAGMA user_version", &version, err) ||
        !sqlite_query_number(database, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    bool is_empty = application == 0 && version == 0 && tables == 0;
    if (!is_empty && application != APPLICATION_ID)
        return error_set(err, ERROR_STORAGE,
                         "it is a database of another program; choose another data folder");
    if (version < 0 || version > NEWEST_VERSION)
        return error_set(err, ERROR_STORAGE,
                         "it has schema version %lld and this imgrouter knows versions up to %d; "
                         "use the imgrouter that wrote it, or a newer one",
                         (long long)version, NEWEST_VERSION);
    return true;
}

bool sqlite_schema_migrate(sqlite3 *database, struct error *err) {
    int64_t version;
    if (!sqlite_query_number(database, "PRAGMA user_version", &version, err)) return false;
    if (version == NEWEST_VERSION) return true;
    if (version > 0) log_info("database: schema version %d to %d", (int)version, NEWEST_VERSION);
    char stamp[96];
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   APPLICATION_ID, NEWEST_VERSION);
    bool is_done = sqlite_execute(database, "BEGIN IMMEDIATE", err);
    for (int64_t i = version; is_done && i < NEWEST_VERSION; i++)
        is_done = sqlite_execute(database, migrations[i], err);
    is_done =
        is_done && sqlite_execute(database, stamp, err) && sqlite_execute(database, "COMMIT", err);
    if (!is_done && sqlite3_get_autocommit(database) == 0)
        (void)sqlite_execute(database, "ROLLBACK", NULL);
    return is_done;
}

bool sqlite_schema_require_newest(sqlite3 *database, struct error *err) {
    int64_t version;
    if (!sqlite_query_number(database, "PRAGMA user_version", &version, err)) return false;
    if (version == NEWEST_VERSION) return true;
    return error_set(err, ERROR_STORAGE,
                     "its schema version is %lld, not %d; start the server once to bring it up to "
                     "date",
                     (long long)version, NEWEST_VERSION);
}
