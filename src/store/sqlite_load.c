// Space by space. Each thread has a connection of its own and takes ranges of keys, in the order in
// which they lie in the file. While one puts what it has read into the index, where they take
// turns, the others read on.
#include "store/sqlite_load.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/float_bytes.h"
#include "base/memory.h"
#include "base/processors.h"
#include "store/sqlite_record.h"

enum {
    RANGE_ROWS = 4096,  // 8 MiB of 512 numbers
    BATCH_ROWS = 1024,  // read before they are put
};

struct load {
    struct sqlite_reader_pool *readers;
    struct vector_spaces *spaces;
    const char *embedding_model;
    int64_t first, last;   // keys of the space; first > last where it has none
    _Atomic int64_t next;  // the first key of the next range
    atomic_bool has_failed;
};

struct loader {
    struct load *load;
    pthread_t thread;
    bool is_started;
    struct error error;
    // Vectors of one width that are not put yet.
    size_t width, count, capacity;
    float *vectors;  // [capacity]
    int64_t rows[BATCH_ROWS];
};

static bool put_batch(struct loader *loader) {
    size_t count = loader->count;
    loader->count = 0;
    return count == 0 ||
           vector_spaces_put_many(loader->load->spaces, loader->load->embedding_model, loader->rows,
                                  loader->vectors, count, loader->width, &loader->error);
}

static bool begin_batch(struct loader *loader, size_t width) {
    size_t floats;
    if (!put_batch(loader)) return false;
    loader->width = width;
    if (!size_multiply(width, BATCH_ROWS, &floats)) floats = SIZE_MAX;
    if (floats <= loader->capacity) return true;
    float *larger = memory_try_resize(loader->vectors, floats, sizeof *larger);
    if (larger == NULL)
        return error_set(&loader->error, ERROR_INTERNAL, "out of memory for vectors of %zu numbers",
                         width);
    loader->vectors = larger;
    loader->capacity = floats;
    return true;
}

static bool add_vector(struct loader *loader, sqlite3_stmt *statement) {
    const void *bytes = sqlite3_column_blob(statement, 1);
    size_t width = (size_t)sqlite3_column_bytes(statement, 1) / 4;
    if (bytes == NULL || width == 0)
        return error_set(&loader->error, ERROR_STORAGE,
                         "a stored vector is damaged; restore a backup");
    if (width != loader->width && !begin_batch(loader, width)) return false;
    loader->rows[loader->count] = sqlite3_column_int64(statement, 0);
    float_bytes_read(bytes, width, loader->vectors + loader->count * width);
    loader->count++;
    return loader->count < BATCH_ROWS || put_batch(loader);
}

static bool load_range(struct loader *loader, struct sqlite_connection *reader, int64_t first) {
    int64_t last =
        loader->load->last - first < RANGE_ROWS ? loader->load->last : first + RANGE_ROWS - 1;
    int result;
    bool is_done = true;
    sqlite_bind_number(reader, SQL_LOAD_VECTORS, 1, first);
    sqlite_bind_number(reader, SQL_LOAD_VECTORS, 2, last);
    while (is_done &&
           (result = sqlite_next(reader, SQL_LOAD_VECTORS, &loader->error)) != SQLITE_DONE)
        is_done = result == SQLITE_ROW && add_vector(loader, reader->statements[SQL_LOAD_VECTORS]);
    sqlite_finish(reader, SQL_LOAD_VECTORS);
    return is_done;
}

static void *load_ranges(void *argument) {
    struct loader *loader = argument;
    struct load *load = loader->load;
    struct sqlite_connection *reader = sqlite_reader_take(load->readers);
    bool is_done = true;
    while (is_done && !atomic_load(&load->has_failed)) {
        int64_t first = atomic_fetch_add(&load->next, RANGE_ROWS);
        if (first > load->last) break;
        is_done = load_range(loader, reader, first);
    }
    is_done = is_done && put_batch(loader);
    if (!is_done) atomic_store(&load->has_failed, true);
    sqlite_reader_return(load->readers, reader);
    memory_free(loader->vectors);
    return NULL;
}

// On as many threads as there are processors and connections.
static bool load_space(struct load *load, struct error *err) {
    struct loader loaders[SQLITE_READERS] = {0};
    size_t threads = processor_count() < SQLITE_READERS ? processor_count() : SQLITE_READERS;
    if (load->last - load->first < RANGE_ROWS) threads = 1;
    atomic_store(&load->next, load->first);
    // The first is this thread; one that cannot be started is done without.
    loaders[0].load = load;
    for (size_t i = 1; i < threads; i++) {
        loaders[i].load = load;
        loaders[i].is_started =
            pthread_create(&loaders[i].thread, NULL, load_ranges, &loaders[i]) == 0;
    }
    (void)load_ranges(&loaders[0]);
    bool is_done = true;
    for (size_t i = 0; i < threads; i++) {
        if (loaders[i].is_started) (void)pthread_join(loaders[i].thread, NULL);
        if (loaders[i].error.kind != ERROR_NONE)
            is_done = error_set(err, loaders[i].error.kind, "%s", loaders[i].error.text);
    }
    return is_done;
}

bool sqlite_load_vectors(struct sqlite_connection *connection, struct sqlite_reader_pool *readers,
                         struct vector_spaces *spaces, struct error *err) {
    sqlite3_stmt *statement = connection->statements[SQL_LIST_SPACES];
    int result;
    while ((result = sqlite_next(connection, SQL_LIST_SPACES, err)) == SQLITE_ROW) {
        struct load load = {.readers = readers,
                            .spaces = spaces,
                            .embedding_model = (const char *)sqlite3_column_text(statement, 0),
                            .first = sqlite3_column_int64(statement, 1),
                            .last = sqlite3_column_int64(statement, 2)};
        if (load.embedding_model == NULL) {
            error_set(err, ERROR_INTERNAL, "out of memory for a model's name");
            break;
        }
        if (!load_space(&load, err)) break;
    }
    sqlite_finish(connection, SQL_LIST_SPACES);
    return result == SQLITE_DONE;
}
