// The store on SQLite: DIR/imgrouter.db holds the records and the vectors, an exact index in
// memory (vector_spaces) answers searches.
//
// One connection writes, under a mutex, one BEGIN IMMEDIATE transaction at a time; a pool of
// others reads. Lock order: writer mutex, then the mutex of the spaces. The index gets a vector
// just before its COMMIT, so that running out of memory can still undo the row, and loses it when
// the COMMIT fails. A search may therefore meet a key whose row is not there yet or not any more:
// it passes over it, and asks for a few more keys than it needs. Row numbers are never used twice
// in one process, so such a key cannot stand for another picture.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/folder_lock.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_reader_pool.h"
#include "store/sqlite_record.h"
#include "store/sqlite_schema.h"
#include "store/store.h"
#include "store/vector_spaces.h"

// Keys that may lose their row while one search looks them up.
enum { SEARCH_SPARE = 16 };

struct sqlite_store {
    struct store store;
    int lock;
    pthread_mutex_t write_mutex;
    struct sqlite_connection writer;  // under write_mutex
    int64_t next_row;                 // under write_mutex
    atomic_size_t image_count;        // committed ones; changed under write_mutex
    struct sqlite_reader_pool readers;
    struct vector_spaces spaces;
};

static struct sqlite_store *as_sqlite(struct store *store) { return (struct sqlite_store *)store; }

static void bind_text(struct sqlite_connection *connection, enum sqlite_statement statement,
                      int parameter, const char *text) {
    // Can only run out of memory, and then the parameter is NULL, which matches nothing.
    (void)sqlite3_bind_text(connection->statements[statement], parameter, text, -1, SQLITE_STATIC);
}

static void bind_number(struct sqlite_connection *connection, enum sqlite_statement statement,
                        int parameter, int64_t number) {
    (void)sqlite3_bind_int64(connection->statements[statement], parameter, number);
}

// *row is 0 when there is no such id.
static bool find_row(struct sqlite_connection *connection, const char *id, int64_t *row,
                     char sha256[static 65], struct error *err) {
    *row = 0;
    bind_text(connection, SQL_FIND_ROW, 1, id);
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

static bool insert(struct sqlite_connection *writer, int64_t row, const struct image_record *record,
                   const float *vector, size_t width, struct error *err) {
    unsigned char *bytes = width > INT_MAX / 4 ? NULL : memory_try_array(width, 4);
    if (bytes == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for a vector of %zu numbers", width);
    vector_encode(vector, width, bytes);

    bind_number(writer, SQL_INSERT_IMAGE, 1, row);
    bool is_done = sqlite_record_bind(writer->statements[SQL_INSERT_IMAGE], 2, record) ||
                   sqlite_error_set(err, writer->database);
    is_done = is_done && sqlite_run(writer, SQL_INSERT_IMAGE, err);

    bind_number(writer, SQL_INSERT_VECTOR, 1, row);
    bind_text(writer, SQL_INSERT_VECTOR, 2, record->embedding_model);
    bind_number(writer, SQL_INSERT_VECTOR, 3, (int64_t)width);
    (void)sqlite3_bind_blob(writer->statements[SQL_INSERT_VECTOR], 4, bytes, (int)(width * 4),
                            SQLITE_STATIC);
    is_done = is_done && sqlite_run(writer, SQL_INSERT_VECTOR, err);
    memory_free(bytes);
    return is_done;
}

static void end_transaction(struct sqlite_connection *connection) {
    // A failed statement or COMMIT may have rolled back already.
    if (sqlite3_get_autocommit(connection->database) == 0)
        (void)sqlite_run(connection, SQL_ROLLBACK, NULL);
}

static bool remove_row(struct sqlite_connection *writer, int64_t row, struct error *err) {
    bind_number(writer, SQL_REMOVE, 1, row);
    return sqlite_run(writer, SQL_REMOVE, err);
}

// In one transaction: the row that is there (0: none) goes, the new one comes.
static bool exchange_rows(struct sqlite_store *self, int64_t old_row,
                          const struct image_record *record, const float *vector, size_t width,
                          struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    int64_t row = self->next_row++;
    bool is_done =
        (old_row == 0 || remove_row(writer, old_row, err)) &&
        insert(writer, row, record, vector, width, err) &&
        vector_spaces_put(&self->spaces, record->embedding_model, row, vector, width, err) &&
        sqlite_run(writer, SQL_COMMIT, err);
    vector_spaces_remove(&self->spaces, is_done ? old_row : row);
    if (is_done && old_row == 0) atomic_fetch_add(&self->image_count, 1);
    return is_done;
}

static bool write_image(struct store *store, const struct image_record *record, const float *vector,
                        size_t width, bool is_replacing, bool *was_new, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *writer = &self->writer;
    char sha256[65];
    int64_t row;
    *was_new = false;
    if (width == 0) return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    (void)pthread_mutex_lock(&self->write_mutex);
    bool is_done =
        sqlite_run(writer, SQL_BEGIN, err) && find_row(writer, record->id, &row, sha256, err);
    if (is_done && row != 0 && strcmp(sha256, record->sha256) != 0)
        is_done = error_set(err, ERROR_CONFLICT,
                            "another picture has the id %s already: the first 16 digits of "
                            "their SHA-256 are the same; delete that one to store this one",
                            record->id);
    if (is_done && (row == 0 || is_replacing)) {
        is_done = exchange_rows(self, row, record, vector, width, err);
        *was_new = is_done;
    }
    end_transaction(writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

static bool sqlite_put(struct store *store, const struct image_record *record, const float *vector,
                       size_t width, bool *was_new, struct error *err) {
    return write_image(store, record, vector, width, false, was_new, err);
}

static bool sqlite_replace(struct store *store, const struct image_record *record,
                           const float *vector, size_t width, struct error *err) {
    bool was_new;
    return write_image(store, record, vector, width, true, &was_new, err);
}

static bool no_image(struct error *err, const char *id) {
    return error_set(err, ERROR_NOT_FOUND, "there is no image %.40s", id);
}

static bool sqlite_get(struct store *store, const char *id, struct image_record *record,
                       struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bind_text(reader, SQL_GET, 1, id);
    int result = sqlite_next(reader, SQL_GET, err);
    if (result == SQLITE_ROW) sqlite_record_read(reader->statements[SQL_GET], record);
    sqlite_finish(reader, SQL_GET);
    sqlite_reader_return(&self->readers, reader);
    return result == SQLITE_ROW || (result == SQLITE_DONE && no_image(err, id));
}

static bool sqlite_get_vector(struct store *store, const char *id, const char *embedding_model,
                              float *vector, size_t width, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    sqlite3_stmt *statement = reader->statements[SQL_GET_VECTOR];
    bind_text(reader, SQL_GET_VECTOR, 1, id);
    bind_text(reader, SQL_GET_VECTOR, 2, embedding_model);
    int result = sqlite_next(reader, SQL_GET_VECTOR, err);
    bool is_done = result == SQLITE_ROW;
    if (result == SQLITE_DONE) {
        error_set(err, ERROR_NOT_FOUND,
                  "there is no image %.40s with a vector of the model %s; upload it again if it "
                  "was stored under another model",
                  id, embedding_model);
    } else if (is_done) {
        const void *bytes = sqlite3_column_blob(statement, 0);
        size_t size = (size_t)sqlite3_column_bytes(statement, 0);
        if (bytes != NULL && size == width * 4)
            vector_decode(bytes, width, vector);
        else
            is_done = error_set(err, ERROR_CONFLICT,
                                "the stored vector of image %.40s has %zu numbers, not %zu: "
                                "another model took the name %s",
                                id, size / 4, width, embedding_model);
    }
    sqlite_finish(reader, SQL_GET_VECTOR);
    sqlite_reader_return(&self->readers, reader);
    return is_done;
}

static bool sqlite_list(struct store *store, struct store_cursor *cursor, size_t limit,
                        struct image_record *records, size_t *count, bool *has_more,
                        struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_start = cursor->id[0] == '\0';
    *count = 0;
    *has_more = false;
    bind_number(reader, SQL_LIST, 1, is_start ? INT64_MAX : cursor->created_ms);
    bind_text(reader, SQL_LIST, 2, is_start ? "g" : cursor->id);  // after every hex digit
    bind_number(reader, SQL_LIST, 3, (int64_t)limit + 1);
    int result;
    while ((result = sqlite_next(reader, SQL_LIST, err)) == SQLITE_ROW) {
        if (*count == limit) {
            *has_more = true;
            break;
        }
        sqlite_record_read(reader->statements[SQL_LIST], &records[(*count)++]);
    }
    sqlite_finish(reader, SQL_LIST);
    sqlite_reader_return(&self->readers, reader);
    if (result != SQLITE_DONE && !*has_more) return false;
    if (*count > 0) {
        const struct image_record *last = &records[*count - 1];
        cursor->created_ms = last->created_ms;
        (void)snprintf(cursor->id, sizeof cursor->id, "%s", last->id);
    }
    return true;
}

static bool sqlite_remove(struct store *store, const char *id, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *writer = &self->writer;
    char sha256[65];
    int64_t row;
    (void)pthread_mutex_lock(&self->write_mutex);
    bool is_done = sqlite_run(writer, SQL_BEGIN, err) && find_row(writer, id, &row, sha256, err) &&
                   (row != 0 || no_image(err, id));
    if (is_done) {
        is_done = remove_row(writer, row, err) && sqlite_run(writer, SQL_COMMIT, err);
        if (is_done) {
            vector_spaces_remove(&self->spaces, row);
            atomic_fetch_sub(&self->image_count, 1);
        }
    }
    end_transaction(writer);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

static bool read_matches(struct sqlite_store *self, const struct vector_match *found,
                         size_t found_count, size_t k, struct store_match *matches, size_t *count,
                         struct error *err) {
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    // One transaction for all: its locks cost ten times what reading a record does (measured).
    bool is_done = sqlite_run(reader, SQL_BEGIN_READ, err);
    for (size_t i = 0; is_done && i < found_count && *count < k; i++) {
        bind_number(reader, SQL_GET_ROW, 1, found[i].key);
        int result = sqlite_next(reader, SQL_GET_ROW, err);
        if (result == SQLITE_ROW) {
            sqlite_record_read(reader->statements[SQL_GET_ROW], &matches[*count].record);
            matches[(*count)++].score = found[i].score;
        }
        is_done = result == SQLITE_ROW || result == SQLITE_DONE;
        sqlite_finish(reader, SQL_GET_ROW);
    }
    end_transaction(reader);
    sqlite_reader_return(&self->readers, reader);
    return is_done;
}

static bool sqlite_search(struct store *store, const char *embedding_model, const float *query,
                          size_t width, size_t k, struct store_match *matches, size_t *count,
                          struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct vector_index *index;
    *count = 0;
    if (!vector_spaces_find(&self->spaces, embedding_model, width, &index, err)) return false;
    if (index == NULL || k == 0) return true;
    if (k > STORE_SEARCH_MAX) k = STORE_SEARCH_MAX;
    struct vector_match *found = memory_try_array(k + SEARCH_SPARE, sizeof *found);
    if (found == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for a search");
    size_t found_count = vector_index_search(index, query, k + SEARCH_SPARE, found);
    bool is_done = read_matches(self, found, found_count, k, matches, count, err);
    memory_free(found);
    return is_done;
}

// Kept in memory: health and metrics ask often, and counting rows takes longer the more there are.
static bool sqlite_count(struct store *store, size_t *count, struct error *err) {
    (void)err;
    *count = atomic_load(&as_sqlite(store)->image_count);
    return true;
}

static bool read_count(struct sqlite_store *self, struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    bool is_done = sqlite_next(writer, SQL_COUNT, err) == SQLITE_ROW;
    if (is_done)
        atomic_store(&self->image_count,
                     (size_t)sqlite3_column_int64(writer->statements[SQL_COUNT], 0));
    sqlite_finish(writer, SQL_COUNT);
    return is_done;
}

static bool sqlite_check(struct store *store, struct error *err) {
    struct sqlite_store *self = as_sqlite(store);
    struct sqlite_connection *reader = sqlite_reader_take(&self->readers);
    bool is_done = sqlite_next(reader, SQL_CHECK, err) == SQLITE_ROW;
    sqlite_finish(reader, SQL_CHECK);
    sqlite_reader_return(&self->readers, reader);
    return is_done;
}

static void sqlite_destroy(struct store *store) {
    struct sqlite_store *self = as_sqlite(store);
    if (self == NULL) return;
    sqlite_reader_pool_clear(&self->readers);
    sqlite_connection_close(&self->writer);  // last, for it is the one that folds the log in
    vector_spaces_clear(&self->spaces);
    (void)pthread_mutex_destroy(&self->write_mutex);
    folder_lock_release(self->lock);
    memory_free(self);
}

static const struct store_operations sqlite_operations = {
    .name = "sqlite",
    .destroy = sqlite_destroy,
    .put = sqlite_put,
    .replace = sqlite_replace,
    .get = sqlite_get,
    .get_vector = sqlite_get_vector,
    .list = sqlite_list,
    .remove = sqlite_remove,
    .search = sqlite_search,
    .count = sqlite_count,
    .check = sqlite_check,
};

static bool load_vectors(struct sqlite_store *self, struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    sqlite3_stmt *statement = writer->statements[SQL_LOAD_VECTORS];
    float *vector = NULL;
    size_t capacity = 0;
    int result;
    while ((result = sqlite_next(writer, SQL_LOAD_VECTORS, err)) == SQLITE_ROW) {
        const char *model = (const char *)sqlite3_column_text(statement, 1);
        const void *bytes = sqlite3_column_blob(statement, 2);
        size_t width = (size_t)sqlite3_column_bytes(statement, 2) / 4;
        if (model == NULL || bytes == NULL || width == 0) {
            error_set(err, ERROR_STORAGE, "a stored vector is damaged; restore a backup");
            break;
        }
        if (width > capacity) {
            float *larger = memory_try_resize(vector, width, sizeof *vector);
            if (larger == NULL) {
                error_set(err, ERROR_INTERNAL, "out of memory for a vector of %zu numbers", width);
                break;
            }
            vector = larger;
            capacity = width;
        }
        vector_decode(bytes, width, vector);
        if (!vector_spaces_put(&self->spaces, model, sqlite3_column_int64(statement, 0), vector,
                               width, err))
            break;
    }
    sqlite_finish(writer, SQL_LOAD_VECTORS);
    memory_free(vector);
    return result == SQLITE_DONE;
}

// SQLite would make the file readable for everybody; its -wal and -shm take the same mode.
static bool create_private(const char *path, struct error *err) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return error_set(err, ERROR_STORAGE, "%s", strerror(errno));
    (void)close(file);
    return true;
}

// Of a store that only reads, the writer's connection cannot write either: SQLite refuses.
static bool open_database(struct sqlite_store *self, const char *path, bool is_reader,
                          struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    if ((!is_reader && !create_private(path, err)) ||
        !sqlite_connection_open(writer, path, is_reader, err) ||
        !sqlite_schema_recognize(writer->database, err))
        return false;
    bool is_ready = is_reader ? sqlite_schema_require_newest(writer->database, err)
                              : sqlite_connection_make_durable(writer, err) &&
                                    sqlite_schema_migrate(writer->database, err);
    if (!is_ready) return false;
    if (!sqlite_connection_prepare(writer, err) || !load_vectors(self, err)) return false;
    bool is_done = sqlite_next(writer, SQL_LAST_ROW, err) == SQLITE_ROW;
    if (is_done) self->next_row = sqlite3_column_int64(writer->statements[SQL_LAST_ROW], 0) + 1;
    sqlite_finish(writer, SQL_LAST_ROW);
    return is_done && read_count(self, err) && sqlite_reader_pool_open(&self->readers, path, err);
}

static void log_sqlite(void *context, int code, const char *message) {
    (void)context;
    log_write((code & 0xff) == SQLITE_NOTICE ? LOG_INFO : LOG_WARNING, "sqlite (%d): %s", code,
              message);
}

static void configure_sqlite(void) { (void)sqlite3_config(SQLITE_CONFIG_LOG, log_sqlite, NULL); }

static struct store *open_store(const char *folder, bool is_reader, struct error *err) {
    static pthread_once_t is_configured = PTHREAD_ONCE_INIT;
    (void)pthread_once(&is_configured, configure_sqlite);

    char lock_path[PATH_MAX], path[PATH_MAX];
    int length = snprintf(lock_path, sizeof lock_path, "%s/imgrouter.lock", folder);
    if (length < 0 || (size_t)length >= sizeof lock_path) {
        error_set(err, ERROR_STORAGE, "the path %.80s… is too long; choose another data folder",
                  folder);
        return NULL;
    }
    (void)snprintf(path, sizeof path, "%s/imgrouter.db", folder);
    if (is_reader && !file_exists(path)) {
        error_set(err, ERROR_NOT_FOUND,
                  "there are no pictures in %s yet; start the server and upload one, or name "
                  "another folder with --data",
                  folder);
        return NULL;
    }

    struct sqlite_store *self = memory_alloc(sizeof *self);
    self->store.operations = &sqlite_operations;
    (void)pthread_mutex_init(&self->write_mutex, NULL);
    sqlite_reader_pool_init(&self->readers);
    vector_spaces_init(&self->spaces);
    self->lock = -1;
    if (!is_reader) {
        if (!folder_create(folder, err)) goto failed;
        self->lock = folder_lock_take(lock_path, err);
        if (self->lock < 0) goto failed;
    }
    if (open_database(self, path, is_reader, err)) return &self->store;
    error_wrap(err, "cannot use %s", path);
failed:
    sqlite_destroy(&self->store);
    return NULL;
}

struct store *sqlite_store_create(const char *folder, struct error *err) {
    return open_store(folder, false, err);
}

struct store *sqlite_store_create_reader(const char *folder, struct error *err) {
    return open_store(folder, true, err);
}
