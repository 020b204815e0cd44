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

void postgres_prepare(const char *folder) {
    (void)folder;
    PGconn *server = PQconnectdb(url());
    PGresult *result = PQexec(server,
                              "SET client_min_messages = error;"
                              "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail_msg("%s", PQerrorMessage(server));
    PQclear(result);
    PQfinish(server);
}

struct store *postgres_open(const char *folder, struct error *err) {
    (void)folder;
    return postgres_store_create(url(), false, err);
}
