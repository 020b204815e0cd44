// The index's way to the vectors as they are stored.
#pragma once

#include "index/vector_index.h"
#include "store/sqlite_connection.h"

// Whose vectors are read, and by what: a connection of the searching thread, not in a transaction.
struct sqlite_vector_reader {
    struct sqlite_connection *connection;
    const char *embedding_model;
    size_t width;
};

// A vector_reader whose context is a struct sqlite_vector_reader.
bool sqlite_read_vectors(void *context, const int64_t *keys, size_t count, float *vectors,
                         bool *is_there, struct error *err);
