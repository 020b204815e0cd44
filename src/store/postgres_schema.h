// The tables, and how an older database becomes one of today:
//
// - imgrouter_schema: one row, the version of the tables and the name of the active space;
// - imgrouter_images: the records; `words` is the full-text index's;
// - imgrouter_spaces: the vector spaces. Space N keeps its vectors in imgrouter_vectors_N (image,
//   vector), with an HNSW index; the original's space in its table, images (id, embed_vector);
// - imgrouter_costs_…: the ledger's, the same as in a file (sqlite_ledger_schema.c).
//
// Several programs may start at once: whoever changes tables holds an advisory lock.
#pragma once

#include "store/postgres_connection.h"

// Number of that lock, which is held until the transaction ends; any that others hardly use.
#define POSTGRES_LOCK "SELECT pg_advisory_xact_lock(7595443212345)"

// Makes or migrates the tables and takes over what is new of the original service's; in one
// transaction. ERROR_STORAGE: PostgreSQL or pgvector is too old, or the tables are newer than we.
bool postgres_schema_migrate(struct postgres_connection *connection, struct error *err);
// For those who only read. ERROR_NOT_FOUND: no tables; ERROR_STORAGE: not of this version.
bool postgres_schema_require_newest(struct postgres_connection *connection, struct error *err);
