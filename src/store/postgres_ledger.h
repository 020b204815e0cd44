// The ledger in the database of the store on PostgreSQL (tables: postgres_schema.h), so that all
// servers that share it share budgets too.
//
// Whoever changes sums holds one advisory lock from the first look to the commit, and what is
// committed is on the server's disk. Days, minutes and expiry go by the database's clock: the
// servers' own need not agree. Operations may run again on another connection (postgres_pool.h): a
// call has its id before it is first tried.
#pragma once

#include "cloud/ledger.h"
#include "store/store.h"

// Uses the store's connections, so the store must outlive it; one that only reads makes a ledger
// that does. ERROR_INTERNAL: not a store on PostgreSQL.
struct ledger *postgres_ledger_create(struct store *store, struct error *err);
