// Fills the index in memory from the database, at start.
#pragma once

#include "store/sqlite_reader_pool.h"
#include "store/vector_spaces.h"

// The connection lists the spaces, the readers read their vectors. Errors: ERROR_STORAGE (a damaged
// vector, or SQLite's), ERROR_CONFLICT (vectors of two widths under one model), ERROR_INTERNAL.
bool sqlite_load_vectors(struct sqlite_connection *connection, struct sqlite_reader_pool *readers,
                         struct vector_spaces *spaces, struct error *err);
