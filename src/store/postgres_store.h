// The store on PostgreSQL with pgvector; where the tables are made, postgres_schema.h tells them.
//
// A server that is away is an ordinary state: every operation answers ERROR_UNAVAILABLE at once
// until a thread of the store, which looks every half second, has it back. Counting and `check`
// answer from what that thread saw last, so that they never wait for a network.
//
// A database of the original service is opened as it is (postgres_original.h). Its vectors lie in a
// space named "original" until a space is first chosen with set_active_space, or first asked for
// with vectors of that width: then, if there is no other space, it takes that name, since the
// original's only model is the one that is served. Should the chosen model turn out to have vectors
// of another width, the space is "original" again.
#pragma once

#include "store/store.h"

// `url` is a libpq connection string or URI, also with SQLAlchemy's driver
// ("postgresql+psycopg://"). It is never printed. A server that cannot be reached is no error,
// except for a reader, which only looks and has no thread. ERROR_USAGE: no such address;
// ERROR_STORAGE: it refuses us, lacks pgvector, or its tables are of a newer imgrouter;
// ERROR_NOT_FOUND: a reader finds no tables.
struct store *postgres_store_create(const char *url, bool is_reader, struct error *err);
