#include "store/postgres_original.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte_buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/postgres_record.h"
#include "store/postgres_words.h"
#include "store/store.h"

enum {
    SQL_SIZE_MAX = 8192,
    INDEXED_WIDTH_MAX = 2000,  // of pgvector's HNSW index
    WORDS_BATCH = 500,
};

// The "payload" of an upload is {"src": {"source": "upload", "filename": …}} or {"src": {"source":
// "url", "url": …}}. What has U+0000 in it cannot be read as text: it is passed over.
#define PAYLOAD                                                                     \
    "(CASE WHEN o.payload IS NULL OR o.payload::text LIKE '%\\\\u0000%' THEN '{}' " \
    "ELSE o.payload::text END)::json"

// Our column, the original's columns that it may come from, best first, what is made of the first
// that is there (%1$s), and what it is where none is there or its value is NULL.
static const struct {
    const char *ours;
    const char *theirs[2];
    const char *expression;
    const char *otherwise;
} columns[] = {
    {"sha256", {NULL}, NULL, "''"},
    {"caption", {"caption"}, "o.%s::text", "''"},
    {"origin", {"caption_origin", "origin"}, "o.%s::text", "'local'"},
    {"caption_model", {NULL}, NULL, "''"},
    {"confidence", {"caption_confidence", "confidence"}, "o.%s::double precision", "0"},
    {"clip_score", {NULL}, NULL, "0"},
    {"source",
     {"payload"},
     "CASE WHEN " PAYLOAD " #>> '{src,source}' = 'url' THEN 'url' END",
     "'upload'"},
    {"file_name", {"payload"}, PAYLOAD " #>> '{src,filename}'", "''"},
    {"url", {"payload"}, PAYLOAD " #>> '{src,url}'", "''"},
    {"tags", {NULL}, NULL, "''"},
    {"mime", {"format"}, "'image/' || replace(lower(o.%s::text), 'jpg', 'jpeg')", "''"},
    {"width", {"width"}, "o.%s::bigint", "0"},
    {"height", {"height"}, "o.%s::bigint", "0"},
    {"size_bytes", {"size_bytes"}, "o.%s::bigint", "0"},
    {"created_ms", {"created_at"}, "(extract(epoch FROM o.%s) * 1000)::bigint", "0"},
};
enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

// Of the table images: name, whether it must be given, its type and the type's modifier.
static PGresult *read_columns(struct postgres_connection *connection, struct error *err) {
    return postgres_query(connection,
                          "SELECT a.attname, a.attnotnull AND NOT a.atthasdef,"
                          " t.typname, a.atttypmod FROM pg_attribute a"
                          " JOIN pg_type t ON t.oid = a.atttypid"
                          " WHERE a.attrelid = to_regclass('images') AND a.attnum > 0"
                          " AND NOT a.attisdropped",
                          NULL, false, err);
}

static int find_column(const PGresult *table, const char *name) {
    for (int row = 0; name != NULL && row < PQntuples(table); row++)
        if (strcmp(PQgetvalue(table, row, 0), name) == 0) return row;
    return -1;
}

// *width is 0 when nothing tells it: a column of vectors of any width without a vector.
static bool read_width(struct postgres_connection *connection, const PGresult *table, long *width,
                       struct error *err) {
    *width = strtol(PQgetvalue(table, find_column(table, "embed_vector"), 3), NULL, 10);
    if (*width > 0) return true;
    PGresult *result = postgres_query(
        connection,
        "SELECT vector_dims(embed_vector) FROM images WHERE embed_vector IS NOT NULL LIMIT 1", NULL,
        false, err);
    if (result == NULL) return false;
    *width = PQntuples(result) == 0 ? 0 : strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    if (*width == 0) return true;
    char sql[96];
    (void)snprintf(sql, sizeof sql, "ALTER TABLE images ALTER COLUMN embed_vector TYPE vector(%ld)",
                   *width);
    return postgres_execute(connection, sql, err);
}

static bool index_vectors(struct postgres_connection *connection, long width, struct error *err) {
    PGresult *result = postgres_query(
        connection,
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am m ON m.oid = c.relam JOIN pg_opclass o ON o.oid = i.indclass[0]"
        " WHERE i.indrelid = to_regclass('images') AND i.indisvalid AND m.amname = 'hnsw'"
        " AND o.opcname = 'vector_cosine_ops'",
        NULL, false, err);
    if (result == NULL) return false;
    bool is_there = PQntuples(result) > 0;
    PQclear(result);
    if (is_there || width > INDEXED_WIDTH_MAX) return true;
    log_info(
        "database: indexing the vectors of the original service; of a million this takes "
        "half an hour");
    return postgres_execute(
        connection, "CREATE INDEX ON images USING hnsw (embed_vector vector_cosine_ops)", err);
}

// Our images give the table an id and a vector only.
static bool allow_missing_values(struct postgres_connection *connection, const PGresult *table,
                                 struct error *err) {
    bool is_done = true;
    for (int row = 0; row < PQntuples(table) && is_done; row++) {
        const char *name = PQgetvalue(table, row, 0);
        if (strcmp(PQgetvalue(table, row, 1), "t") != 0 || strcmp(name, "id") == 0) continue;
        char *quoted = PQescapeIdentifier(connection->server, name, strlen(name));
        char sql[256];
        (void)snprintf(sql, sizeof sql, "ALTER TABLE images ALTER COLUMN %.160s DROP NOT NULL",
                       quoted == NULL ? "" : quoted);
        PQfreemem(quoted);
        is_done = postgres_execute(connection, sql, err);
    }
    return is_done;
}

static bool append_value(struct byte_buffer *sql, const PGresult *table, size_t column) {
    const char *theirs = columns[column].theirs[0];
    if (find_column(table, theirs) < 0) theirs = columns[column].theirs[1];
    if (find_column(table, theirs) < 0)
        return byte_buffer_append_format(sql, ", %s", columns[column].otherwise);
    const char *expression = columns[column].expression, *place = strstr(expression, "%s");
    int before = (int)(place == NULL ? strlen(expression) : (size_t)(place - expression));
    return byte_buffer_append_format(sql, ", coalesce(%.*s%s%s, %s)", before, expression,
                                     place == NULL ? "" : theirs, place == NULL ? "" : place + 2,
                                     columns[column].otherwise);
}

static bool copy_records(struct postgres_connection *connection, const PGresult *table,
                         struct error *err) {
    struct byte_buffer sql;
    byte_buffer_init(&sql, SQL_SIZE_MAX);
    (void)byte_buffer_append_text(&sql, "INSERT INTO imgrouter_images (id");
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        (void)byte_buffer_append_format(&sql, ", %s", columns[i].ours);
    (void)byte_buffer_append_text(&sql, ") SELECT o.id");
    for (size_t i = 0; i < COLUMN_COUNT; i++) (void)append_value(&sql, table, i);
    // It marks an image as deleted where its version does not delete the row.
    (void)byte_buffer_append_format(
        &sql,
        " FROM images o WHERE o.id ~ '^[0-9a-f]{16}$'%s"
        " AND NOT EXISTS (SELECT FROM imgrouter_images i WHERE i.id = o.id)",
        find_column(table, "deleted_at") < 0 ? "" : " AND o.deleted_at IS NULL");
    PGresult *result = NULL;
    if (sql.has_failed)
        error_set(err, ERROR_INTERNAL, "out of memory for a statement");
    else
        result = postgres_query(connection, sql.bytes, NULL, false, err);
    byte_buffer_clear(&sql);
    if (result == NULL) return false;
    long count = strtol(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    if (count > 0) log_info("database: %ld images of the original service taken over", count);
    return true;
}

// Writes the full-text words of the images in `rows`.
static bool write_words(struct postgres_connection *connection, const PGresult *rows,
                        struct error *err) {
    bool is_done = true;
    for (int row = 0; row < PQntuples(rows) && is_done; row++) {
        struct image_record record;
        struct postgres_words words;
        struct postgres_parameters parameters = {0};
        postgres_record_read(rows, row, &record);
        is_done = postgres_words_create(&words, &record, err);
        (void)postgres_add_text(&parameters, record.id);
        (void)postgres_add_text(&parameters, words.caption.bytes);
        (void)postgres_add_text(&parameters, words.others.bytes);
        is_done = is_done && postgres_run(connection,
                                          "UPDATE imgrouter_images SET words = " POSTGRES_WORDS_OF(
                                              "$2", "$3") " WHERE id = $1",
                                          &parameters, NULL, err);
        postgres_words_clear(&words);
    }
    return is_done;
}

static bool index_words(struct postgres_connection *connection, struct error *err) {
    bool is_done = true, has_more = true;
    while (is_done && has_more) {
        struct postgres_parameters parameters = {0};
        (void)postgres_add_number(&parameters, WORDS_BATCH);
        PGresult *rows = postgres_query(connection,
                                        "SELECT " POSTGRES_RECORD
                                        " FROM imgrouter_images i WHERE i.words IS NULL LIMIT $1",
                                        &parameters, false, err);
        has_more = PQntuples(rows) > 0;
        is_done = rows != NULL && write_words(connection, rows, err);
        PQclear(rows);
    }
    return is_done;
}

static bool register_space(struct postgres_connection *connection, long width, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_number(&parameters, width);
    return postgres_run(connection,
                        "INSERT INTO imgrouter_spaces (name, width, is_original)"
                        " SELECT 'original', $1::integer, true"
                        " WHERE NOT EXISTS (SELECT FROM imgrouter_spaces WHERE is_original)",
                        &parameters, NULL, err);
}

bool postgres_original_take_over(struct postgres_connection *connection, struct error *err) {
    PGresult *table = read_columns(connection, err);
    if (table == NULL) return false;
    int vector = find_column(table, "embed_vector");
    long width = 0;
    // Another program may have a table of that name.
    bool is_original = vector >= 0 && strcmp(PQgetvalue(table, vector, 2), "vector") == 0 &&
                       find_column(table, "id") >= 0;
    bool is_done = !is_original || read_width(connection, table, &width, err);
    if (is_done && width > 0)
        is_done = register_space(connection, width, err) && index_vectors(connection, width, err) &&
                  allow_missing_values(connection, table, err) &&
                  copy_records(connection, table, err) && index_words(connection, err);
    PQclear(table);
    return is_done;
}
