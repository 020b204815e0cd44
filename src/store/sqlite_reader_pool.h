// A few connections that only read: in write-ahead mode they never wait for a writer's sync. A
// thread takes one for a moment and waits for one when all are out. Any thread.
#pragma once

#include <pthread.h>

#include "store/sqlite_connection.h"

// Requests that read at the same moment; a fifth waits for microseconds. Each holds SQLite's page
// cache of 2 MB.
enum { SQLITE_READERS = 4 };

struct sqlite_reader_pool {
    pthread_mutex_t mutex;
    pthread_cond_t is_back;
    struct sqlite_connection readers[SQLITE_READERS];
    struct sqlite_connection *idle[SQLITE_READERS];  // the first idle_count are to be had
    size_t idle_count;
};

void sqlite_reader_pool_init(struct sqlite_reader_pool *pool);
bool sqlite_reader_pool_open(struct sqlite_reader_pool *pool, const char *path, struct error *err);
void sqlite_reader_pool_clear(struct sqlite_reader_pool *pool);  // all must be back

struct sqlite_connection *sqlite_reader_take(struct sqlite_reader_pool *pool);
size_t sqlite_reader_pool_idle(struct sqlite_reader_pool *pool);
void sqlite_reader_return(struct sqlite_reader_pool *pool, struct sqlite_connection *reader);
