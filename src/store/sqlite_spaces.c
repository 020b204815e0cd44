// The vector spaces in the database.
#include <stdio.h>
#include <string.h>

#include "store/sqlite_store_private.h"

// A transaction holds up uploads, and its log takes room on the disk until it is folded in: some
// thousand vectors are a few megabytes and some ten milliseconds.
enum { VECTORS_PER_TRANSACTION = 2000 };

bool sqlite_list_spaces(struct store *store, struct store_space spaces[static STORE_SPACES_MAX],
                        size_t *count, struct error *err) {
    (void)err;
    *count = vector_spaces_list(&as_sqlite(store)->spaces, spaces);
    return true;
}

bool sqlite_get_active_space(struct store *store, char embedding_model[static STORE_MODEL_SIZE],
                             struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    embedding_model[0] = '\0';
    int result = sqlite_next(reader, SQL_GET_ACTIVE_SPACE, err);
    if (result == SQLITE_ROW)
        (void)snprintf(
            embedding_model, STORE_MODEL_SIZE, "%s",
            (const char *)sqlite3_column_text(reader->statements[SQL_GET_ACTIVE_SPACE], 0));
    sqlite_finish(reader, SQL_GET_ACTIVE_SPACE);
    sqlite_reader_return(&self->readers, reader);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

static bool run_with_model(struct sqlite_connection *writer, enum sqlite_statement statement,
                           const char *embedding_model, struct error *err) {
    sqlite_bind_text(writer, statement, 1, embedding_model);
    return sqlite_run(writer, statement, err);
}

bool sqlite_set_active_space(struct store *store, const char *embedding_model, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *writer = &self->writer;
    (void)pthread_mutex_lock(&self->write_mutex);
    bool is_done = sqlite_run(writer, SQL_BEGIN, err) &&
                   run_with_model(writer, SQL_ADD_SPACE, embedding_model, err) &&
                   run_with_model(writer, SQL_SET_ACTIVE_SPACE, embedding_model, err) &&
                   run_with_model(writer, SQL_MOVE_TO_SPACE, embedding_model, err) &&
                   sqlite_run(writer, SQL_COMMIT, err);
    sqlite_end_transaction(writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

// *is_last: no vector was left, and the space is gone.
static bool remove_some(struct sqlite_store *self, const char *embedding_model, bool *is_last,
                        struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    (void)pthread_mutex_lock(&self->write_mutex);
    sqlite_bind_text(writer, SQL_REMOVE_VECTORS, 1, embedding_model);
    sqlite_bind_number(writer, SQL_REMOVE_VECTORS, 2, VECTORS_PER_TRANSACTION);
    bool is_done =
        sqlite_run(writer, SQL_BEGIN, err) && sqlite_run(writer, SQL_REMOVE_VECTORS, err);
    *is_last = is_done && sqlite3_changes(writer->database) == 0;
    is_done = is_done &&
              (!*is_last || run_with_model(writer, SQL_REMOVE_SPACE, embedding_model, err)) &&
              sqlite_run(writer, SQL_COMMIT, err);
    sqlite_finish(writer, SQL_REMOVE_VECTORS);
    sqlite_end_transaction(writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

bool sqlite_remove_space(struct store *store, const char *embedding_model, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    char active[STORE_MODEL_SIZE];
    if (!sqlite_get_active_space(store, active, err)) return false;
    if (strcmp(active, embedding_model) == 0)
        return error_set(err, ERROR_CONFLICT,
                         "searches use the vectors of %s; choose another model before they go",
                         embedding_model);
    vector_spaces_drop(&self->spaces, embedding_model);
    bool is_last = false;
    while (!is_last)
        if (!remove_some(self, embedding_model, &is_last, err)) return false;
    return true;
}
