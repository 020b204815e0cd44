// What PostgreSQL reports, as our kinds of errors and as sentences for the user.
#pragma once

#include <libpq-fe.h>

#include "base/error.h"

// Of an error that the server answered a statement with. Always false.
bool postgres_error_set(struct error *err, const PGresult *result);
// The connection broke. Always false.
bool postgres_error_lost(struct error *err);
// Of a connection that could not be made, for which PQERRORS_VERBOSE was set. *is_refused: a server
// answered, and will go on saying no. Always false.
bool postgres_error_connect(struct error *err, const PGconn *server, bool *is_refused);

// The server is going down, or cut this connection: another may be had.
bool postgres_error_is_lost(const PGresult *result);
// The same statements may succeed when they are run again from the beginning.
bool postgres_error_is_passing(const PGresult *result);
