// Opening and closing of the store on SQLite, and what is loaded into memory; the plan of its files
// is in sqlite_store_private.h.
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/folder_lock.h"
#include "store/sqlite_load.h"
#include "store/sqlite_record.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_store_private.h"

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

static void sqlite_measure(struct store *store, struct store_figures *figures) {
    struct sqlite_store *self = as_sqlite(store);
    *figures = (struct store_figures){.is_up = true,
                                      .images = atomic_load(&self->image_count),
                                      .idle = sqlite_reader_pool_idle(&self->readers),
                                      .connections_max = SQLITE_READERS};
    figures->in_use = SQLITE_READERS - figures->idle;
    vector_spaces_measure(&self->spaces, &figures->index_vectors, &figures->index_bytes);
}

static void sqlite_destroy(struct store *store) {
    struct sqlite_store *self = as_sqlite(store);
    if (self == NULL) return;
    sqlite_reader_pool_clear(&self->readers);
    sqlite_connection_close(&self->writer);  // last, for it is the one that folds the log in
    vector_spaces_clear(&self->spaces);
    hash_list_clear(&self->hashes);
    (void)pthread_mutex_destroy(&self->write_mutex);
    folder_lock_release(self->lock);
    memory_free(self);
}

static const struct store_operations sqlite_operations = {
    .name = "sqlite",
    .destroy = sqlite_destroy,
    .put = sqlite_put,
    .replace = sqlite_replace,
    .put_many = sqlite_put_many,
    .put_vector = sqlite_put_vector,
    .update = sqlite_update,
    .get = sqlite_get,
    .get_vector = sqlite_get_vector,
    .get_vectors = sqlite_get_vectors,
    .list = sqlite_list,
    .list_without_vector = sqlite_list_without_vector,
    .remove = sqlite_remove,
    .search = sqlite_search,
    .search_words = sqlite_search_words,
    .search_hash = sqlite_search_hash,
    .count = sqlite_count,
    .list_spaces = sqlite_list_spaces,
    .get_active_space = sqlite_get_active_space,
    .set_active_space = sqlite_set_active_space,
    .remove_space = sqlite_remove_space,
    .check = sqlite_check,
    .measure = sqlite_measure,
};

static bool load_hashes(struct sqlite_store *self, struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    sqlite3_stmt *statement = writer->statements[SQL_LOAD_HASHES];
    int result;
    while ((result = sqlite_next(writer, SQL_LOAD_HASHES, err)) == SQLITE_ROW) {
        if (!hash_list_add(&self->hashes, sqlite3_column_int64(statement, 0),
                           (uint64_t)sqlite3_column_int64(statement, 1))) {
            error_set(err, ERROR_INTERNAL, "out of memory for the pictures' hashes");
            break;
        }
    }
    sqlite_finish(writer, SQL_LOAD_HASHES);
    return result == SQLITE_DONE;
}

// Of a new file, a file that has pages keeps their size: three vectors of 512 floats lie in a page
// of 8 KiB, but only one in a page of 4.
static const char page_size[] = "PRAGMA page_size = 8192";

// Of a store that only reads, the writer's connection cannot write either: SQLite refuses.
static bool open_database(struct sqlite_store *self, const char *path, bool is_reader,
                          struct error *err) {
    struct sqlite_connection *writer = &self->writer;
    if ((!is_reader && !sqlite_file_create(path, err)) ||
        !sqlite_connection_open(writer, path, is_reader, err) ||
        !sqlite_migrations_recognize(writer->database, &sqlite_schema, err))
        return false;
    bool is_ready = is_reader
                        ? sqlite_migrations_require_newest(writer->database, &sqlite_schema, err)
                        : sqlite_execute(writer->database, page_size, err) &&
                              sqlite_connection_make_durable(writer, err) &&
                              sqlite_migrations_apply(writer->database, &sqlite_schema, err);
    if (!is_ready) return false;
    if (!sqlite_connection_prepare(writer, err) ||
        !sqlite_reader_pool_open(&self->readers, path, err) ||
        !sqlite_load_vectors(writer, &self->readers, &self->spaces, err) || !load_hashes(self, err))
        return false;
    bool is_done = sqlite_next(writer, SQL_LAST_ROW, err) == SQLITE_ROW;
    if (is_done)
        atomic_store(&self->next_row,
                     sqlite3_column_int64(writer->statements[SQL_LAST_ROW], 0) + 1);
    sqlite_finish(writer, SQL_LAST_ROW);
    return is_done && read_count(self, err);
}

static void log_sqlite(void *context, int code, const char *message) {
    (void)context;
    int kind = code & 0xff;
    // Full-text search prepares its statements before the schema is complete, and again after.
    enum log_level level = kind == SQLITE_SCHEMA   ? LOG_DEBUG
                           : kind == SQLITE_NOTICE ? LOG_INFO
                                                   : LOG_WARNING;
    log_write(level, "sqlite (%d): %s", code, message);
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
    hash_list_init(&self->hashes);
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
