// What reads images and vectors by their ids, and lists them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/postgres_record.h"
#include "store/postgres_store_private.h"

enum { SQL_SIZE = 1280 };

bool postgres_no_image(struct error *err, const char *id) {
    return error_set(err, ERROR_NOT_FOUND, "there is no image %.40s", id);
}

static bool read_image(struct postgres_connection *connection, const char *id,
                       struct image_record *record, struct error *err) {
    struct postgres_parameters parameters = {0};
    (void)postgres_add_text(&parameters, id);
    PGresult *row = postgres_query(
        connection, "SELECT " POSTGRES_RECORD " FROM imgrouter_images i WHERE i.id = $1",
        &parameters, false, err);
    bool is_there = row != NULL && PQntuples(row) == 1;
    if (is_there) postgres_record_read(row, 0, record);
    PQclear(row);
    return is_there || postgres_no_image(err, id);
}

bool postgres_get(struct store *store, const char *id, struct image_record *record,
                  struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = read_image(turn.connection, id, record, &turn.error);
    return turn.is_done;
}

// Puts the vectors of the rows (id, vector) where their ids stand in `ids`, as often as they do.
static bool place_vectors(const PGresult *rows, const char *const *ids, size_t count,
                          float *vectors, size_t width, bool *is_there, struct error *err) {
    for (int row = 0; row < PQntuples(rows); row++) {
        size_t size = (size_t)PQgetlength(rows, row, 1);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(ids[i], PQgetvalue(rows, row, 0)) != 0) continue;
            if (!postgres_vector_decode(PQgetvalue(rows, row, 1), size, vectors + i * width, width))
                return error_set(err, ERROR_STORAGE,
                                 "the stored vector of image %.40s is damaged; restore a backup",
                                 ids[i]);
            is_there[i] = true;
        }
    }
    return true;
}

static bool read_vectors(struct postgres_connection *connection, const char *const *ids,
                         size_t count, const char *embedding_model, float *vectors, size_t width,
                         bool *is_there, struct error *err) {
    struct postgres_space space;
    struct postgres_parameters parameters = {0};
    char sql[SQL_SIZE];
    memset(is_there, 0, count * sizeof *is_there);
    if (!postgres_space_find(connection, embedding_model, width, &space, err)) return false;
    if (!space.is_there || count == 0) return true;
    char *array = postgres_array_create(ids, count);
    if (array == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for %zu ids", count);
    (void)postgres_add_text(&parameters, array);
    (void)snprintf(sql, sizeof sql,
                   "SELECT i.id, v.%s FROM %s v JOIN imgrouter_images i ON i.id = v.%s"
                   " WHERE i.id = ANY ($1::text[]) AND v.%s IS NOT NULL",
                   space.vector, space.table, space.key, space.vector);
    PGresult *rows = postgres_query(connection, sql, &parameters, true, err);
    memory_free(array);
    bool is_done = rows != NULL && place_vectors(rows, ids, count, vectors, width, is_there, err);
    PQclear(rows);
    return is_done;
}

bool postgres_get_vectors(struct store *store, const char *const *ids, size_t count,
                          const char *embedding_model, float *vectors, size_t width, bool *is_there,
                          struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = read_vectors(turn.connection, ids, count, embedding_model, vectors, width,
                                    is_there, &turn.error);
    return turn.is_done;
}

bool postgres_get_vector(struct store *store, const char *id, const char *embedding_model,
                         float *vector, size_t width, struct error *err) {
    bool is_there = false;
    if (!postgres_get_vectors(store, &id, 1, embedding_model, vector, width, &is_there, err))
        return false;
    return is_there ||
           error_set(err, ERROR_NOT_FOUND,
                     "there is no image %.40s with a vector of the model %s; upload it again if it "
                     "was stored under another model",
                     id, embedding_model);
}

// One row more than the page has, to see whether another follows.
static bool read_page(struct postgres_connection *connection, const char *condition,
                      struct store_cursor *cursor, size_t limit, struct image_record *records,
                      size_t *count, bool *has_more, struct error *err) {
    struct postgres_parameters parameters = {0};
    char sql[SQL_SIZE];
    bool is_start = cursor->id[0] == '\0';
    (void)postgres_add_number(&parameters, is_start ? INT64_MAX : cursor->created_ms);
    (void)postgres_add_text(&parameters, is_start ? "g" : cursor->id);  // after every hex digit
    (void)postgres_add_number(&parameters, (int64_t)limit + 1);
    (void)snprintf(sql, sizeof sql,
                   "SELECT " POSTGRES_RECORD
                   " FROM imgrouter_images i"
                   " WHERE (i.created_ms, i.id COLLATE \"C\") < ($1::bigint, $2::text)%s"
                   " ORDER BY i.created_ms DESC, i.id COLLATE \"C\" DESC LIMIT $3",
                   condition);
    PGresult *rows = postgres_query(connection, sql, &parameters, false, err);
    if (rows == NULL) return false;
    size_t found = (size_t)PQntuples(rows);
    *has_more = found > limit;
    *count = *has_more ? limit : found;
    for (size_t i = 0; i < *count; i++) postgres_record_read(rows, (int)i, &records[i]);
    PQclear(rows);
    if (*count > 0) {
        const struct image_record *last = &records[*count - 1];
        cursor->created_ms = last->created_ms;
        (void)snprintf(cursor->id, sizeof cursor->id, "%s", last->id);
    }
    return true;
}

bool postgres_list(struct store *store, struct store_cursor *cursor, size_t limit,
                   struct image_record *records, size_t *count, bool *has_more, struct error *err) {
    struct postgres_turn turn = {0};
    *count = 0;
    *has_more = false;
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done =
            read_page(turn.connection, "", cursor, limit, records, count, has_more, &turn.error);
    return turn.is_done;
}

static bool read_page_without_vector(struct postgres_connection *connection,
                                     const char *embedding_model, struct store_cursor *cursor,
                                     size_t limit, struct image_record *records, size_t *count,
                                     bool *has_more, struct error *err) {
    struct postgres_space space;
    char condition[256] = "";
    if (!postgres_space_find(connection, embedding_model, 0, &space, err)) return false;
    if (space.is_there)
        (void)snprintf(condition, sizeof condition,
                       " AND NOT EXISTS (SELECT FROM %s v WHERE v.%s = i.id"
                       " AND v.%s IS NOT NULL)",
                       space.table, space.key, space.vector);
    return read_page(connection, condition, cursor, limit, records, count, has_more, err);
}

bool postgres_list_without_vector(struct store *store, const char *embedding_model,
                                  struct store_cursor *cursor, size_t limit,
                                  struct image_record *records, size_t *count, bool *has_more,
                                  struct error *err) {
    struct postgres_turn turn = {0};
    *count = 0;
    *has_more = false;
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = read_page_without_vector(turn.connection, embedding_model, cursor, limit,
                                                records, count, has_more, &turn.error);
    return turn.is_done;
}
