#include "store/sqlite_schema.h"

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
static const char *const steps[] = {
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

const struct sqlite_migrations sqlite_schema = {
    .application_id = APPLICATION_ID,
    .name = "database",
    .what = "schema version",
    .steps = steps,
    .count = sizeof steps / sizeof steps[0],
};
