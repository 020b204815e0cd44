#include "store/postgres_pool.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    TURNS_MAX = 3,
    WAIT_S = 10,  // for a connection that others use
};

void postgres_pool_init(struct postgres_pool *pool, const struct postgres_options *options) {
    *pool = (struct postgres_pool){.options = *options};
    pool->options.losses = &pool->losses;
    (void)pthread_mutex_init(&pool->mutex, NULL);
    clock_condition_init(&pool->is_back);
    error_set(&pool->reason, ERROR_UNAVAILABLE, "the PostgreSQL server has not answered yet");
}

static void close_idle_locked(struct postgres_pool *pool) {
    pool->open_count -= pool->idle_count;
    while (pool->idle_count > 0) postgres_connection_destroy(pool->idle[--pool->idle_count]);
    (void)pthread_cond_broadcast(&pool->is_back);
}

void postgres_pool_clear(struct postgres_pool *pool) {
    close_idle_locked(pool);
    (void)pthread_cond_destroy(&pool->is_back);
    (void)pthread_mutex_destroy(&pool->mutex);
}

// For whoever meets it first, a word in the log.
static void set_away_locked(struct postgres_pool *pool, const struct error *reason) {
    if (pool->reason.kind == ERROR_NONE) {
        log_warning("store: %s", reason->text);
        atomic_fetch_add(&pool->losses, 1);
    }
    pool->reason = *reason;
    pool->reason.kind = ERROR_UNAVAILABLE;  // also when it refuses us: for requests it is the same
    close_idle_locked(pool);
}

void postgres_pool_set_away(struct postgres_pool *pool, const struct error *reason) {
    (void)pthread_mutex_lock(&pool->mutex);
    set_away_locked(pool, reason);
    (void)pthread_mutex_unlock(&pool->mutex);
}

void postgres_pool_measure(struct postgres_pool *pool, size_t *in_use, size_t *idle) {
    (void)pthread_mutex_lock(&pool->mutex);
    *idle = pool->idle_count;
    *in_use = pool->open_count - pool->idle_count;
    (void)pthread_mutex_unlock(&pool->mutex);
}

static bool is_open_locked(const struct postgres_pool *pool, struct error *err) {
    return pool->reason.kind == ERROR_NONE ||
           error_set(err, ERROR_UNAVAILABLE, "%s", pool->reason.text);
}

bool postgres_pool_is_open(struct postgres_pool *pool, struct error *err) {
    (void)pthread_mutex_lock(&pool->mutex);
    bool is_open = is_open_locked(pool, err);
    (void)pthread_mutex_unlock(&pool->mutex);
    return is_open;
}

bool postgres_pool_open(struct postgres_pool *pool,
                        bool (*prepare)(struct postgres_connection *connection, struct error *err),
                        bool *is_refused, struct error *err) {
    struct error problem = {0};
    struct postgres_connection *connection =
        postgres_connection_create(&pool->options, is_refused, &problem);
    bool is_done = connection != NULL;
    if (is_done) {
        connection->timeout_ms = 0;  // bringing tables up to date takes what it takes
        is_done = prepare(connection, &problem);
        connection->timeout_ms = POSTGRES_STATEMENT_TIMEOUT_MS;
        *is_refused = !is_done && problem.kind != ERROR_UNAVAILABLE;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    if (!is_done) {
        set_away_locked(pool, &problem);
        postgres_connection_destroy(connection);
    } else if (pool->open_count == POSTGRES_CONNECTIONS) {
        postgres_connection_destroy(connection);
    } else {
        pool->idle[pool->idle_count++] = connection;
        pool->open_count++;
    }
    if (is_done) error_clear(&pool->reason);
    (void)pthread_mutex_unlock(&pool->mutex);
    return is_done || error_set(err, problem.kind, "%s", problem.text);
}

// Waits for one to come back, or for a place for a new one. NULL without an error: make one.
static struct postgres_connection *take_locked(struct postgres_pool *pool, struct error *err) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    while (is_open_locked(pool, err)) {
        while (pool->idle_count > 0) {
            struct postgres_connection *connection = pool->idle[--pool->idle_count];
            if (postgres_connection_is_alive(connection)) return connection;
            postgres_connection_destroy(connection);
            pool->open_count--;
        }
        if (pool->open_count < POSTGRES_CONNECTIONS) {
            pool->open_count++;
            return NULL;
        }
        if (pthread_cond_timedwait(&pool->is_back, &pool->mutex, &until) != 0) {
            error_set(err, ERROR_OVERLOADED,
                      "all connections to the database are in use; try again in a moment");
            return NULL;
        }
    }
    return NULL;
}

static struct postgres_connection *take(struct postgres_pool *pool, struct error *err) {
    struct error problem = {0};
    (void)pthread_mutex_lock(&pool->mutex);
    struct postgres_connection *connection = take_locked(pool, &problem);
    (void)pthread_mutex_unlock(&pool->mutex);
    if (connection == NULL && problem.kind == ERROR_NONE) {
        bool is_refused;
        connection = postgres_connection_create(&pool->options, &is_refused, &problem);
        if (connection == NULL) {
            (void)pthread_mutex_lock(&pool->mutex);
            pool->open_count--;
            // One connection too many for the server does not mean that it is away.
            if (problem.kind != ERROR_OVERLOADED) {
                set_away_locked(pool, &problem);
                problem.kind = ERROR_UNAVAILABLE;
            }
            (void)pthread_cond_signal(&pool->is_back);
            (void)pthread_mutex_unlock(&pool->mutex);
        }
    }
    if (connection == NULL) error_set(err, problem.kind, "%s", problem.text);
    return connection;
}

static void give_back(struct postgres_pool *pool, struct postgres_connection *connection) {
    if (!connection->is_lost && PQtransactionStatus(connection->server) != PQTRANS_IDLE)
        (void)postgres_execute(connection, "ROLLBACK", NULL);
    bool is_good = !connection->is_lost && PQtransactionStatus(connection->server) == PQTRANS_IDLE;
    (void)pthread_mutex_lock(&pool->mutex);
    if (is_good && pool->reason.kind == ERROR_NONE) {
        pool->idle[pool->idle_count++] = connection;
        connection = NULL;
    } else {
        pool->open_count--;
        // Whatever cut this one, cut the others too.
        if (!is_good) close_idle_locked(pool);
    }
    (void)pthread_cond_signal(&pool->is_back);
    (void)pthread_mutex_unlock(&pool->mutex);
    postgres_connection_destroy(connection);
}

bool postgres_turn_next(struct postgres_pool *pool, struct postgres_turn *turn, struct error *err) {
    struct postgres_connection *connection = turn->connection;
    if (connection != NULL) {
        bool may_repeat = (connection->is_lost && !connection->is_slow) || connection->is_passing;
        turn->connection = NULL;
        give_back(pool, connection);
        if (turn->is_done) return false;
        if (!may_repeat || turn->count == TURNS_MAX)
            return error_set(err, turn->error.kind, "%s", turn->error.text);
        error_clear(&turn->error);
    }
    turn->count++;
    turn->connection = take(pool, err);
    return turn->connection != NULL;
}
