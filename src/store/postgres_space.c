#include "store/postgres_space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/postgres_schema.h"

enum {
    // Of pgvector's HNSW index; wider ones are compared one by one, and do not fit a row.
    INDEXED_WIDTH_MAX = 2000,
};

static bool begin_change(struct postgres_connection *connection, struct error *err) {
    return postgres_execute(connection, "BEGIN", err) &&
           postgres_execute(connection, POSTGRES_LOCK, err);
}

static bool run_named(struct postgres_connection *connection, const char *sql, const char *name,
                      size_t *row_count, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, name);
    return postgres_run(connection, sql, &parameters, row_count, err);
}

static void describe_space(const PGresult *row, struct postgres_space *space) {
    space->is_there = true;
    space->width = strtoul(PQgetvalue(row, 0, 1), NULL, 10);
    space->is_original = strcmp(PQgetvalue(row, 0, 2), "t") == 0;
    space->key = space->is_original ? "id" : "image";
    space->vector = space->is_original ? "embed_vector" : "vector";
    if (space->is_original)
        (void)snprintf(space->table, sizeof space->table, "images");
    else
        (void)snprintf(space->table, sizeof space->table, "imgrouter_vectors_%ld",
                       strtol(PQgetvalue(row, 0, 0), NULL, 10));
}

static bool read_space(struct postgres_connection *connection, const char *embedding_model,
                       struct postgres_space *space, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, embedding_model);
    *space = (struct postgres_space){0};
    PGresult *row = postgres_query(
        connection, "SELECT id, width, is_original FROM imgrouter_spaces WHERE name = $1",
        &parameters, false, err);
    if (row != NULL && PQntuples(row) == 1) describe_space(row, space);
    PQclear(row);
    return row != NULL;
}

static bool has_width(const struct postgres_space *space, size_t width) {
    return !space->is_there || width == 0 || space->width == width;
}

static bool check_width(const struct postgres_space *space, const char *embedding_model,
                        size_t width, struct error *err) {
    return has_width(space, width) ||
           error_set(err, ERROR_CONFLICT,
                     "the stored vectors of the model %s have %zu numbers and this one has %zu: "
                     "another model took its name; start with the former model, or with an empty "
                     "database",
                     embedding_model, space->width, width);
}

// The original's space takes the name of the model that is first chosen or asked for, while there
// is no other space. width 0: not known.
static bool adopt_original(struct postgres_connection *connection, const char *embedding_model,
                           size_t width, bool *is_adopted, struct error *err) {
    struct postgres_parameters parameters = {0};
    size_t row_count;
    (void)postgres_add_text(&parameters, embedding_model);
    (void)postgres_add_number(&parameters, (int64_t)width);
    if (!postgres_run(connection,
                      "UPDATE imgrouter_spaces SET name = $1 WHERE is_original"
                      " AND name = 'original' AND ($2 = 0 OR width = $2)"
                      " AND (SELECT active_space = '' OR $2 > 0 AND active_space = $1"
                      " FROM imgrouter_schema)"
                      " AND (SELECT count(*) FROM imgrouter_spaces) = 1",
                      &parameters, &row_count, err))
        return false;
    *is_adopted = row_count > 0;
    if (*is_adopted)
        log_info("store: the original service's vectors are taken for those of %s",
                 embedding_model);
    return true;
}

static bool release_original(struct postgres_connection *connection, const char *embedding_model,
                             struct error *err) {
    return run_named(connection,
                     "UPDATE imgrouter_spaces SET name = 'original'"
                     " WHERE is_original AND name = $1",
                     embedding_model, NULL, err);
}

bool postgres_space_find(struct postgres_connection *connection, const char *embedding_model,
                         size_t width, struct postgres_space *space, struct error *err) {
    bool is_adopted = false, is_reader = connection->options->is_reader;
    if (!read_space(connection, embedding_model, space, err)) return false;
    if (!space->is_there && width > 0 && !is_reader) {
        if (!adopt_original(connection, embedding_model, width, &is_adopted, err)) return false;
        return !is_adopted || read_space(connection, embedding_model, space, err);
    }
    if (!space->is_original || has_width(space, width) || is_reader ||
        strcmp(embedding_model, SPACE_UNNAMED) == 0)
        return check_width(space, embedding_model, width, err);
    log_warning(
        "store: the original service's vectors have %zu numbers and those of %s %zu; they "
        "stay for themselves and are not searched",
        space->width, embedding_model, width);
    *space = (struct postgres_space){0};
    return release_original(connection, embedding_model, err);
}

static bool create_space(struct postgres_connection *connection, const char *embedding_model,
                         size_t width, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, embedding_model);
    (void)postgres_add_number(&parameters, (int64_t)width);
    PGresult *row = postgres_query(
        connection, "INSERT INTO imgrouter_spaces (name, width) VALUES ($1, $2) RETURNING id",
        &parameters, false, err);
    if (row == NULL) return false;
    long id = strtol(PQgetvalue(row, 0, 0), NULL, 10);
    PQclear(row);
    char sql[512];
    // Beside the row, not in the table of oversized values: comparing them all is nearly twice
    // as fast.
    bool is_indexed = width <= INDEXED_WIDTH_MAX;
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE imgrouter_vectors_%ld ("
                   " image text PRIMARY KEY REFERENCES imgrouter_images ON DELETE CASCADE,"
                   " vector vector(%zu) NOT NULL);"
                   "ALTER TABLE imgrouter_vectors_%ld ALTER COLUMN vector SET STORAGE %s",
                   id, width, id, is_indexed ? "PLAIN" : "EXTERNAL");
    if (!postgres_execute(connection, sql, err)) return false;
    (void)snprintf(sql, sizeof sql,
                   "CREATE INDEX ON imgrouter_vectors_%ld USING hnsw (vector vector_cosine_ops)",
                   id);
    return !is_indexed || postgres_execute(connection, sql, err);
}

bool postgres_space_find_or_create(struct postgres_connection *connection,
                                   const char *embedding_model, size_t width,
                                   struct postgres_space *space, struct error *err) {
    if (width == 0 || width > POSTGRES_VECTOR_WIDTH_MAX)
        return error_set(err, ERROR_INTERNAL, "pgvector keeps vectors of 1 to %d numbers, not %zu",
                         POSTGRES_VECTOR_WIDTH_MAX, width);
    if (!postgres_space_find(connection, embedding_model, width, space, err)) return false;
    if (space->is_there) return true;
    // Another program may have made it while we waited for the lock.
    return begin_change(connection, err) && read_space(connection, embedding_model, space, err) &&
           (space->is_there || create_space(connection, embedding_model, width, err)) &&
           read_space(connection, embedding_model, space, err) &&
           postgres_execute(connection, "COMMIT", err) &&
           check_width(space, embedding_model, width, err);
}

bool postgres_spaces_list(struct postgres_connection *connection,
                          struct store_space spaces[static STORE_SPACES_MAX], size_t *count,
                          struct error *err) {
    *count = 0;
    PGresult *rows = postgres_query(
        connection, "SELECT name, width FROM imgrouter_spaces ORDER BY id", NULL, false, err);
    bool is_done = rows != NULL;
    for (int row = 0; is_done && row < PQntuples(rows) && *count < STORE_SPACES_MAX; row++) {
        struct store_space *found = &spaces[*count];
        struct postgres_space space;
        char sql[256];
        (void)snprintf(found->embedding_model, sizeof found->embedding_model, "%s",
                       PQgetvalue(rows, row, 0));
        is_done = read_space(connection, found->embedding_model, &space, err);
        if (!is_done || !space.is_there) continue;
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM %s v JOIN imgrouter_images i ON i.id = v.%s"
                       " WHERE v.%s IS NOT NULL",
                       space.table, space.key, space.vector);
        PGresult *answer = postgres_query(connection, sql, NULL, false, err);
        is_done = answer != NULL;
        found->width = space.width;
        found->count = is_done ? strtoul(PQgetvalue(answer, 0, 0), NULL, 10) : 0;
        if (found->count > 0) (*count)++;
        PQclear(answer);
    }
    PQclear(rows);
    return is_done;
}

bool postgres_space_get_active(struct postgres_connection *connection,
                               char embedding_model[static STORE_MODEL_SIZE], struct error *err) {
    PGresult *row =
        postgres_query(connection, "SELECT active_space FROM imgrouter_schema", NULL, false, err);
    if (row == NULL) return false;
    (void)snprintf(embedding_model, STORE_MODEL_SIZE, "%s", PQgetvalue(row, 0, 0));
    PQclear(row);
    return true;
}

bool postgres_space_set_active(struct postgres_connection *connection, const char *embedding_model,
                               struct error *err) {
    struct postgres_space space;
    bool is_adopted,
        is_done = begin_change(connection, err) &&
                  adopt_original(connection, embedding_model, 0, &is_adopted, err) &&
                  run_named(connection, "UPDATE imgrouter_schema SET active_space = $1",
                            embedding_model, NULL, err) &&
                  read_space(connection, embedding_model, &space, err);
    if (is_done && space.is_there) {
        char sql[512];
        // Of a million images this takes minutes.
        (void)snprintf(sql, sizeof sql,
                       "UPDATE imgrouter_images i SET embedding_model = $1 FROM %s v"
                       " WHERE v.%s = i.id AND v.%s IS NOT NULL AND i.embedding_model %s $1",
                       space.table, space.key, space.vector,
                       space.is_original ? "<>" : "IS DISTINCT FROM");
        int timeout_ms = connection->timeout_ms;
        connection->timeout_ms = 0;
        is_done = postgres_execute(connection, "SET LOCAL statement_timeout = 0", err) &&
                  run_named(connection, sql, embedding_model, NULL, err);
        connection->timeout_ms = timeout_ms;
    }
    return is_done && postgres_execute(connection, "COMMIT", err);
}

bool postgres_space_remove(struct postgres_connection *connection, const char *embedding_model,
                           struct error *err) {
    char active[STORE_MODEL_SIZE], sql[128];
    struct postgres_space space;
    if (!begin_change(connection, err) || !postgres_space_get_active(connection, active, err) ||
        !read_space(connection, embedding_model, &space, err))
        return false;
    if (strcmp(active, embedding_model) == 0)
        return error_set(err, ERROR_CONFLICT,
                         "the vectors of %s are the ones that searches use; choose another space "
                         "before you remove this one",
                         embedding_model);
    if (!space.is_there) return postgres_execute(connection, "COMMIT", err);
    (void)snprintf(sql, sizeof sql,
                   space.is_original ? "ALTER TABLE %s DROP COLUMN embed_vector" : "DROP TABLE %s",
                   space.table);
    return postgres_execute(connection, sql, err) &&
           run_named(connection, "DELETE FROM imgrouter_spaces WHERE name = $1", embedding_model,
                     NULL, err) &&
           postgres_execute(connection, "COMMIT", err);
}
