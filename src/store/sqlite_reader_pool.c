#include "store/sqlite_reader_pool.h"

void sqlite_reader_pool_init(struct sqlite_reader_pool *pool) {
    *pool = (struct sqlite_reader_pool){0};
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->is_back, NULL);
}

bool sqlite_reader_pool_open(struct sqlite_reader_pool *pool, const char *path, struct error *err) {
    for (size_t i = 0; i < SQLITE_READERS; i++) {
        struct sqlite_connection *reader = &pool->readers[i];
        if (!sqlite_connection_open(reader, path, true, err) ||
            !sqlite_connection_prepare(reader, err))
            return false;
        pool->idle[pool->idle_count++] = reader;
    }
    return true;
}

void sqlite_reader_pool_clear(struct sqlite_reader_pool *pool) {
    for (size_t i = 0; i < SQLITE_READERS; i++) sqlite_connection_close(&pool->readers[i]);
    (void)pthread_cond_destroy(&pool->is_back);
    (void)pthread_mutex_destroy(&pool->mutex);
}

struct sqlite_connection *sqlite_reader_take(struct sqlite_reader_pool *pool) {
    (void)pthread_mutex_lock(&pool->mutex);
    while (pool->idle_count == 0) (void)pthread_cond_wait(&pool->is_back, &pool->mutex);
    struct sqlite_connection *reader = pool->idle[--pool->idle_count];
    (void)pthread_mutex_unlock(&pool->mutex);
    return reader;
}

size_t sqlite_reader_pool_idle(struct sqlite_reader_pool *pool) {
    (void)pthread_mutex_lock(&pool->mutex);
    size_t count = pool->idle_count;
    (void)pthread_mutex_unlock(&pool->mutex);
    return count;
}

void sqlite_reader_return(struct sqlite_reader_pool *pool, struct sqlite_connection *reader) {
    (void)pthread_mutex_lock(&pool->mutex);
    pool->idle[pool->idle_count++] = reader;
    (void)pthread_cond_signal(&pool->is_back);
    (void)pthread_mutex_unlock(&pool->mutex);
}
