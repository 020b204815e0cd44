// The store on PostgreSQL for the contract's tests: the database that IMGROUTER_TEST_DATABASE_URL
// names, which is emptied for each test. tests/e2e/test_pgvector.py starts a server for them.
#include "postgres_kind.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/postgres_store.h"

static const char *url(void) { return getenv("IMGROUTER_TEST_DATABASE_URL"); }

const char *postgres_find_obstacle(void) {
    return url() == NULL ? "IMGROUTER_TEST_DATABASE_URL names no database" : NULL;
}

int64_t postgres_kind_query(const char *sql) {
    PGconn *server = PQconnectdb(url());
    PGresult *result = PQexec(server, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(server));
    int64_t number = PQntuples(result) == 0 ? 0 : strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(server);
    return number;
}

void postgres_prepare(const char *folder) {
    (void)folder;
    (void)postgres_kind_query(
        "SET client_min_messages = error;"
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

struct store *postgres_open(const char *folder, struct error *err) {
    (void)folder;
    return postgres_store_create(url(), false, err);
}

struct store *postgres_open_reader(struct error *err) {
    return postgres_store_create(url(), true, err);
}
