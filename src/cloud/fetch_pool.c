#include "cloud/fetch_pool.h"

#include <pthread.h>

#include "base/memory.h"

enum { MAX_IDLE = 32 };  // clients kept; each may hold a connection to every provider

struct fetch_pool {
    pthread_mutex_t mutex;
    struct fetch_client *idle[MAX_IDLE];  // under the mutex
    size_t idle_count;
};

struct fetch_pool *fetch_pool_create(void) {
    struct fetch_pool *pool = memory_alloc(sizeof *pool);
    (void)pthread_mutex_init(&pool->mutex, NULL);
    return pool;
}

void fetch_pool_destroy(struct fetch_pool *pool) {
    if (pool == NULL) return;
    for (size_t i = 0; i < pool->idle_count; i++) fetch_client_destroy(pool->idle[i]);
    (void)pthread_mutex_destroy(&pool->mutex);
    memory_free(pool);
}

struct fetch_client *fetch_pool_take(struct fetch_pool *pool, struct error *err) {
    struct fetch_client *client = NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    if (pool->idle_count > 0) client = pool->idle[--pool->idle_count];
    (void)pthread_mutex_unlock(&pool->mutex);
    return client != NULL ? client : fetch_client_create(err);
}

void fetch_pool_give(struct fetch_pool *pool, struct fetch_client *client) {
    (void)pthread_mutex_lock(&pool->mutex);
    bool has_room = pool->idle_count < MAX_IDLE;
    if (has_room) pool->idle[pool->idle_count++] = client;
    (void)pthread_mutex_unlock(&pool->mutex);
    if (!has_room) fetch_client_destroy(client);
}
