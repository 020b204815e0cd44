// The store's life: it is opened, its keeper watches over the server, it is closed.
//
// Every request has a thread of its own and takes a connection from the pool. The keeper is one
// more: it asks the server for a sign of life, tries again and again when it
// is away, and brings tables up to date then, since it may be another database that has come back.
#include "store/postgres_store.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/postgres_schema.h"
#include "store/postgres_store_private.h"
#include "store/postgres_url.h"

enum {
    KEEPER_PERIOD_MS = 500,
    PING_TIMEOUT_MS = 4000,   // a server that does not say "1" in this time is as good as away
    COUNT_PERIOD_MS = 10000,  // counting a million rows takes some 50 ms of the server's
};

static bool postgres_count_images(struct store *store, size_t *count, struct error *err) {
    struct postgres_store *self = as_postgres(store);
    if (!postgres_pool_is_open(&self->pool, err)) return false;
    (void)pthread_mutex_lock(&self->count.mutex);
    *count = self->count.images;
    (void)pthread_mutex_unlock(&self->count.mutex);
    return true;
}

static bool postgres_check(struct store *store, struct error *err) {
    return postgres_pool_is_open(&as_postgres(store)->pool, err);
}

static bool postgres_list_spaces(struct store *store,
                                 struct store_space spaces[static STORE_SPACES_MAX], size_t *count,
                                 struct error *err) {
    struct postgres_turn turn = {0};
    *count = 0;
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = postgres_spaces_list(turn.connection, spaces, count, &turn.error);
    return turn.is_done;
}

static bool postgres_get_active_space(struct store *store,
                                      char embedding_model[static STORE_MODEL_SIZE],
                                      struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = postgres_space_get_active(turn.connection, embedding_model, &turn.error);
    return turn.is_done;
}

static bool postgres_set_active_space(struct store *store, const char *embedding_model,
                                      struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = postgres_space_set_active(turn.connection, embedding_model, &turn.error);
    return turn.is_done;
}

static bool postgres_remove_space(struct store *store, const char *embedding_model,
                                  struct error *err) {
    struct postgres_turn turn = {0};
    while (postgres_turn_next(&as_postgres(store)->pool, &turn, err))
        turn.is_done = postgres_space_remove(turn.connection, embedding_model, &turn.error);
    return turn.is_done;
}

static void postgres_measure(struct store *store, struct store_figures *figures) {
    struct postgres_store *self = as_postgres(store);
    *figures = (struct store_figures){.connections_max = POSTGRES_CONNECTIONS};
    figures->is_up = postgres_count_images(store, &figures->images, NULL);
    postgres_pool_measure(&self->pool, &figures->in_use, &figures->idle);
}

static void postgres_destroy(struct store *store) {
    struct postgres_store *self = as_postgres(store);
    if (self == NULL) return;
    (void)pthread_mutex_lock(&self->keeper_mutex);
    atomic_store(&self->is_stopping, true);
    (void)pthread_cond_signal(&self->is_waking);
    (void)pthread_mutex_unlock(&self->keeper_mutex);
    if (self->has_keeper) (void)pthread_join(self->keeper, NULL);
    postgres_pool_clear(&self->pool);
    (void)pthread_cond_destroy(&self->is_waking);
    (void)pthread_mutex_destroy(&self->keeper_mutex);
    (void)pthread_mutex_destroy(&self->count.mutex);
    memory_free(self->url);
    memory_free(self);
}

static const struct store_operations postgres_operations = {
    .name = "pgvector",
    .is_shared = true,
    .destroy = postgres_destroy,
    .put = postgres_put,
    .replace = postgres_replace,
    .put_many = postgres_put_many,
    .put_vector = postgres_put_vector,
    .update = postgres_update,
    .get = postgres_get,
    .get_vector = postgres_get_vector,
    .get_vectors = postgres_get_vectors,
    .list = postgres_list,
    .list_without_vector = postgres_list_without_vector,
    .remove = postgres_remove,
    .search = postgres_search,
    .search_words = postgres_search_words,
    .search_hash = postgres_search_hash,
    .count = postgres_count_images,
    .list_spaces = postgres_list_spaces,
    .get_active_space = postgres_get_active_space,
    .set_active_space = postgres_set_active_space,
    .remove_space = postgres_remove_space,
    .check = postgres_check,
    .measure = postgres_measure,
};

// Any statement is a sign of life; this one also keeps the count fresh. When the server does not
// answer, the next turn's failure to connect, or this statement's slowness, tells the pool.
static void ping(struct postgres_store *self, bool is_counting) {
    struct postgres_turn turn = {0};
    struct error problem = {0};
    while (postgres_turn_next(&self->pool, &turn, &problem)) {
        turn.connection->timeout_ms = PING_TIMEOUT_MS;
        turn.is_done = is_counting
                           ? postgres_count_refresh(&self->count, turn.connection, &turn.error)
                           : postgres_run(turn.connection, "SELECT 1", NULL, NULL, &turn.error);
        turn.connection->timeout_ms = POSTGRES_STATEMENT_TIMEOUT_MS;
    }
    if (problem.kind == ERROR_UNAVAILABLE) postgres_pool_set_away(&self->pool, &problem);
}

static bool open_pool(struct postgres_store *self, bool *is_refused, struct error *err) {
    return postgres_pool_open(
        &self->pool,
        self->pool.options.is_reader ? postgres_schema_require_newest : postgres_schema_migrate,
        is_refused, err);
}

static void *keep(void *argument) {
    struct postgres_store *self = argument;
    int64_t counted_ns = clock_monotonic_ns();
    (void)pthread_mutex_lock(&self->keeper_mutex);
    while (!atomic_load(&self->is_stopping)) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += KEEPER_PERIOD_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&self->is_waking, &self->keeper_mutex, &until);
        if (atomic_load(&self->is_stopping)) break;
        (void)pthread_mutex_unlock(&self->keeper_mutex);
        bool is_refused, is_due = clock_ms_since(counted_ns) >= COUNT_PERIOD_MS;
        if (!postgres_pool_is_open(&self->pool, NULL) && open_pool(self, &is_refused, NULL)) {
            log_info("store: the PostgreSQL server is there");
            is_due = true;
        }
        ping(self, is_due);
        if (is_due) counted_ns = clock_monotonic_ns();
        (void)pthread_mutex_lock(&self->keeper_mutex);
    }
    (void)pthread_mutex_unlock(&self->keeper_mutex);
    return NULL;
}

static bool start_keeper(struct postgres_store *self, struct error *err) {
    self->has_keeper = pthread_create(&self->keeper, NULL, keep, self) == 0;
    return self->has_keeper ||
           error_set(err, ERROR_INTERNAL, "cannot start a thread for the store; raise the limit");
}

// A server that is away may come; one that says no is an error, and so is everything for a reader,
// who does not wait.
static bool open_store(struct postgres_store *self, struct error *err) {
    struct error problem = {0};
    bool is_refused, is_reader = self->pool.options.is_reader;
    if (!open_pool(self, &is_refused, &problem)) {
        if (is_refused || is_reader) return error_set(err, problem.kind, "%s", problem.text);
        log_warning("store: %s; requests are answered 503 until it is there", problem.text);
    } else {
        ping(self, true);
    }
    return is_reader || start_keeper(self, err);
}

struct store *postgres_store_create(const char *url, bool is_reader, struct error *err) {
    struct postgres_store *self = memory_alloc(sizeof *self);
    int connect_timeout_ms;
    if (!postgres_url_read(url, &self->url, &connect_timeout_ms, err)) {
        memory_free(self);
        return NULL;
    }
    self->store.operations = &postgres_operations;
    (void)pthread_mutex_init(&self->count.mutex, NULL);
    (void)pthread_mutex_init(&self->keeper_mutex, NULL);
    clock_condition_init(&self->is_waking);
    postgres_pool_init(&self->pool,
                       &(struct postgres_options){.url = self->url,
                                                  .connect_timeout_ms = connect_timeout_ms,
                                                  .is_reader = is_reader,
                                                  .is_stopping = &self->is_stopping});
    if (open_store(self, err)) return &self->store;
    postgres_destroy(&self->store);
    return NULL;
}
