// A few connections to one database, made when they are needed, and whether the server is there.
//
// An operation is a loop around its statements, which may run more than once:
//
//     struct postgres_turn turn = {0};
//     while (postgres_turn_next(pool, &turn, err)) turn.is_done = …(turn.connection, …,
//     &turn.error); return turn.is_done;
//
// A connection that broke, though not one that was too slow, is thrown away with all that lie idle,
// and the loop runs again on a new one: so what it does must bear to be done twice. It also runs
// again when the server chose it to end a conflict of two transactions. A transaction that is still
// open after the loop's body is rolled back.
//
// A connection that cannot be made makes the pool "away": from then on nobody tries, until
// postgres_pool_open succeeds. Any thread.
#pragma once

#include <pthread.h>

#include "store/postgres_connection.h"

// Requests that talk to the database at the same moment. PostgreSQL allows 100 connections by
// default, all programs together.
enum { POSTGRES_CONNECTIONS = 8 };

struct postgres_pool {
    struct postgres_options options;
    pthread_mutex_t mutex;
    pthread_cond_t is_back;
    struct postgres_connection *idle[POSTGRES_CONNECTIONS];
    size_t idle_count;
    size_t open_count;    // idle ones and those that are out
    atomic_uint losses;   // see struct postgres_options
    struct error reason;  // why the server is away; of kind ERROR_NONE: it is there
};

struct postgres_turn {
    struct postgres_connection *connection;
    bool is_done;        // set by the body
    struct error error;  // likewise, when it is not
    unsigned count;      // turns so far; over 1: what is to be done may be done already
};

// The pool sets options->losses itself.
void postgres_pool_init(struct postgres_pool *pool, const struct postgres_options *options);
void postgres_pool_clear(struct postgres_pool *pool);  // all must be back

// Makes a connection and has `prepare` bring the database up to date on it: if both succeed, the
// server is there. *is_refused: it answers and says no.
bool postgres_pool_open(struct postgres_pool *pool,
                        bool (*prepare)(struct postgres_connection *connection, struct error *err),
                        bool *is_refused, struct error *err);
// False with the reason when the server is away, as far as is known. Asks nothing.
bool postgres_pool_is_open(struct postgres_pool *pool, struct error *err);
// Connections that requests use now, and those that wait for one.
void postgres_pool_measure(struct postgres_pool *pool, size_t *in_use, size_t *idle);
// For whoever finds out that the server does not answer.
void postgres_pool_set_away(struct postgres_pool *pool, const struct error *reason);
bool postgres_turn_next(struct postgres_pool *pool, struct postgres_turn *turn, struct error *err);
