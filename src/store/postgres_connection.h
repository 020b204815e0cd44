// One connection to PostgreSQL. Statements are prepared when they are first asked for and known by
// their text; nothing waits longer than its time. Used by one thread at a time; whose it is, is the
// matter of postgres_pool.h.
#pragma once

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    POSTGRES_PARAMETERS_MAX = 40,
    // Texts differ by vector space and by what is filtered; the rarest are parsed each time.
    POSTGRES_STATEMENTS_MAX = 128,
    // A statement of ours takes milliseconds, an exact search of a million vectors some seconds.
    POSTGRES_STATEMENT_TIMEOUT_MS = 30000,
};

struct postgres_options {
    const char *url;  // as postgres_url_read gives it
    int connect_timeout_ms;
    bool is_reader;                  // the server refuses what writes
    const atomic_bool *is_stopping;  // ends every wait when it becomes true
    // How often the server was found to be away; ends the waits of connections made before.
    const atomic_uint *losses;
};

struct postgres_connection {
    PGconn *server;
    const struct postgres_options *options;
    char *statements[POSTGRES_STATEMENTS_MAX];
    size_t statement_count;
    unsigned losses;          // when it was made
    int timeout_ms;           // of a statement; 0: it may take as long as it likes
    bool is_lost;             // broken: only good for closing
    bool is_slow;             // it was closed because it did not answer in time
    bool is_passing;          // the last error may not come again
    bool has_iterative_scan;  // pgvector 0.8 and later
    int ef_search;            // as last set; 0: never
};

// Values for $1, $2, …; texts and bytes are borrowed.
struct postgres_parameters {
    int count;
    const char *values[POSTGRES_PARAMETERS_MAX];
    int lengths[POSTGRES_PARAMETERS_MAX];
    int formats[POSTGRES_PARAMETERS_MAX];
    char numbers[POSTGRES_PARAMETERS_MAX][32];
};
// Each returns the number of its parameter.
int postgres_add_text(struct postgres_parameters *parameters,
                      const char *text);  // NULL: SQL's NULL
int postgres_add_number(struct postgres_parameters *parameters, int64_t number);
int postgres_add_real(struct postgres_parameters *parameters, double number);
int postgres_add_bytes(struct postgres_parameters *parameters, const void *bytes, size_t size);

// NULL on failure; *is_refused as in postgres_error_connect.
struct postgres_connection *postgres_connection_create(const struct postgres_options *options,
                                                       bool *is_refused, struct error *err);
void postgres_connection_destroy(struct postgres_connection *connection);  // takes NULL
// False when the server closed it while it lay idle. Asks nothing.
bool postgres_connection_is_alive(const struct postgres_connection *connection);

// Rows (caller frees with PQclear) or NULL. `parameters` may be NULL. Binary rows hold vectors and
// texts only.
PGresult *postgres_query(struct postgres_connection *connection, const char *sql,
                         const struct postgres_parameters *parameters, bool is_binary,
                         struct error *err);
// The same for what answers nothing; *row_count (may be NULL) is the number of rows it touched.
bool postgres_run(struct postgres_connection *connection, const char *sql,
                  const struct postgres_parameters *parameters, size_t *row_count,
                  struct error *err);
// Any number of statements without parameters, in one go and not kept.
bool postgres_execute(struct postgres_connection *connection, const char *sql, struct error *err);
