// Looking images up by their id, and listing them.
#include <stdio.h>
#include <string.h>

#include "base/float_bytes.h"
#include "store/sqlite_record.h"
#include "store/sqlite_store_private.h"

bool sqlite_find_row(struct sqlite_connection *connection, const char *id, int64_t *row,
                     char sha256[static 65], struct error *err) {
    *row = 0;
    sqlite_bind_text(connection, SQL_FIND_ROW, 1, id);
    int result = sqlite_next(connection, SQL_FIND_ROW, err);
    if (result == SQLITE_ROW) {
        sqlite3_stmt *statement = connection->statements[SQL_FIND_ROW];
        *row = sqlite3_column_int64(statement, 0);
        const char *stored = (const char *)sqlite3_column_text(statement, 1);
        (void)snprintf(sha256, 65, "%s", stored == NULL ? "" : stored);
    }
    sqlite_finish(connection, SQL_FIND_ROW);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

bool sqlite_no_image(struct error *err, const char *id) {
    return error_set(err, ERROR_NOT_FOUND, "there is no image %.40s", id);
}

bool sqlite_get(struct store *store, const char *id, struct image_record *record,
                struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    sqlite_bind_text(reader, SQL_GET, 1, id);
    int result = sqlite_next(reader, SQL_GET, err);
    if (result == SQLITE_ROW) sqlite_record_read(reader->statements[SQL_GET], record);
    sqlite_finish(reader, SQL_GET);
    sqlite_reader_return(&self->readers, reader);
    return result == SQLITE_ROW || (result == SQLITE_DONE && sqlite_no_image(err, id));
}

// *is_there false: no such image, or none in this space.
static bool read_vector(struct sqlite_connection *reader, const char *id,
                        const char *embedding_model, float *vector, size_t width, bool *is_there,
                        struct error *err) {
    sqlite3_stmt *statement = reader->statements[SQL_GET_VECTOR];
    sqlite_bind_text(reader, SQL_GET_VECTOR, 1, id);
    sqlite_bind_text(reader, SQL_GET_VECTOR, 2, embedding_model);
    int result = sqlite_next(reader, SQL_GET_VECTOR, err);
    bool is_done = result == SQLITE_ROW || result == SQLITE_DONE;
    *is_there = result == SQLITE_ROW;
    if (*is_there) {
        const void *bytes = sqlite3_column_blob(statement, 0);
        size_t size = (size_t)sqlite3_column_bytes(statement, 0);
        if (bytes != NULL && size == width * 4)
            float_bytes_read(bytes, width, vector);
        else
            is_done = error_set(err, ERROR_CONFLICT,
                                "the stored vector of image %s has %zu numbers, not %zu: "
                                "another model took the name %s",
                                id, size / 4, width, embedding_model);
    }
    sqlite_finish(reader, SQL_GET_VECTOR);
    return is_done;
}

bool sqlite_get_vector(struct store *store, const char *id, const char *embedding_model,
                       float *vector, size_t width, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    bool is_there;
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_done = read_vector(reader, id, embedding_model, vector, width, &is_there, err);
    sqlite_reader_return(&self->readers, reader);
    if (!is_done || is_there) return is_done;
    return error_set(err, ERROR_NOT_FOUND,
                     "there is no image %.40s with a vector of the model %s; upload it again if it "
                     "was stored under another model",
                     id, embedding_model);
}

bool sqlite_get_vectors(struct store *store, const char *const *ids, size_t count,
                        const char *embedding_model, float *vectors, size_t width, bool *is_there,
                        struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_done = sqlite_run(reader, SQL_BEGIN_READ, err);
    for (size_t i = 0; is_done && i < count; i++)
        is_done = read_vector(reader, ids[i], embedding_model, vectors + i * width, width,
                              &is_there[i], err);
    sqlite_end_transaction(reader);
    sqlite_reader_return(&self->readers, reader);
    return is_done;
}

// The statement has its own parameters bound already; those of the page are 1 to 3.
static bool read_page(struct sqlite_connection *reader, enum sqlite_statement statement,
                      struct store_cursor *cursor, size_t limit, struct image_record *records,
                      size_t *count, bool *has_more, struct error *err) {
    bool is_start = cursor->id[0] == '\0';
    *count = 0;
    *has_more = false;
    sqlite_bind_number(reader, statement, 1, is_start ? INT64_MAX : cursor->created_ms);
    sqlite_bind_text(reader, statement, 2, is_start ? "g" : cursor->id);  // after every hex digit
    sqlite_bind_number(reader, statement, 3, (int64_t)limit + 1);
    int result;
    while ((result = sqlite_next(reader, statement, err)) == SQLITE_ROW) {
        if (*count == limit) {
            *has_more = true;
            break;
        }
        sqlite_record_read(reader->statements[statement], &records[(*count)++]);
    }
    sqlite_finish(reader, statement);
    if (result != SQLITE_DONE && !*has_more) return false;
    if (*count > 0) {
        const struct image_record *last = &records[*count - 1];
        cursor->created_ms = last->created_ms;
        (void)snprintf(cursor->id, sizeof cursor->id, "%s", last->id);
    }
    return true;
}

bool sqlite_list(struct store *store, struct store_cursor *cursor, size_t limit,
                 struct image_record *records, size_t *count, bool *has_more, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_done = read_page(reader, SQL_LIST, cursor, limit, records, count, has_more, err);
    sqlite_reader_return(&self->readers, reader);
    return is_done;
}

bool sqlite_list_without_vector(struct store *store, const char *embedding_model,
                                struct store_cursor *cursor, size_t limit,
                                struct image_record *records, size_t *count, bool *has_more,
                                struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    sqlite_bind_text(reader, SQL_LIST_WITHOUT_VECTOR, 4, embedding_model);
    bool is_done =
        read_page(reader, SQL_LIST_WITHOUT_VECTOR, cursor, limit, records, count, has_more, err);
    sqlite_reader_return(&self->readers, reader);
    return is_done;
}
