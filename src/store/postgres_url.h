// DATABASE_URL, looked at before libpq sees it: what libpq says of a malformed one may quote a
// password, so nothing of it is ever shown.
#pragma once

#include "base/error.h"

enum { POSTGRES_CONNECT_TIMEOUT_MS = 2000 };  // unless the address says otherwise

// The address as libpq takes it, in *url (caller frees with memory_free), and the time that its
// connect_timeout gives a connection. ERROR_USAGE: it is not one.
bool postgres_url_read(const char *text, char **url, int *connect_timeout_ms, struct error *err);
