#include "store/sqlite_vector_reader.h"

#include "base/float_bytes.h"
#include "store/sqlite_record.h"

static bool read_vector(const struct sqlite_vector_reader *self, int64_t key, float *vector,
                        bool *is_there, struct error *err) {
    struct sqlite_connection *connection = self->connection;
    sqlite3_stmt *statement = connection->statements[SQL_READ_VECTOR];
    sqlite_bind_number(connection, SQL_READ_VECTOR, 1, key);
    sqlite_bind_text(connection, SQL_READ_VECTOR, 2, self->embedding_model);
    int result = sqlite_next(connection, SQL_READ_VECTOR, err);
    *is_there = false;
    if (result == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(statement, 0);
        if (bytes != NULL && (size_t)sqlite3_column_bytes(statement, 0) == self->width * 4) {
            float_bytes_read(bytes, self->width, vector);
            *is_there = true;
        }
    }
    sqlite_finish(connection, SQL_READ_VECTOR);
    return result == SQLITE_ROW || result == SQLITE_DONE;
}

bool sqlite_read_vectors(void *context, const int64_t *keys, size_t count, float *vectors,
                         bool *is_there, struct error *err) {
    const struct sqlite_vector_reader *self = context;
    // One transaction for all, for the reason told in sqlite_search.c.
    bool is_done = sqlite_run(self->connection, SQL_BEGIN_READ, err);
    for (size_t i = 0; is_done && i < count; i++)
        is_done = read_vector(self, keys[i], vectors + i * self->width, &is_there[i], err);
    sqlite_end_transaction(self->connection);
    return is_done;
}
