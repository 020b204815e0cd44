// The vector spaces of the database: what they are called, and in which table and columns their
// vectors lie. Looked up anew for each operation, since other programs may change them.
#pragma once

#include "store/postgres_connection.h"
#include "store/store.h"

enum { POSTGRES_VECTOR_WIDTH_MAX = 16000 };  // of pgvector's type

struct postgres_space {
    bool is_there;
    bool is_original;  // its vectors are the original service's: postgres_original.h
    size_t width;
    // For SQL; of our own making.
    char table[40];
    const char *key;     // the column with the image's id
    const char *vector;  // that with the vector; NULL in it: the image has none
};

// width 0: whatever it has; else ERROR_CONFLICT when the space has another. A name is given to the
// original's space, and taken from it again, as postgres_store.h says.
bool postgres_space_find(struct postgres_connection *connection, const char *embedding_model,
                         size_t width, struct postgres_space *space, struct error *err);
// Likewise, and makes it when it is not there. ERROR_INTERNAL: pgvector has no such width. Not
// within a transaction, for others must see it.
bool postgres_space_find_or_create(struct postgres_connection *connection,
                                   const char *embedding_model, size_t width,
                                   struct postgres_space *space, struct error *err);

// The operations of the store on spaces; in transactions of their own.
bool postgres_spaces_list(struct postgres_connection *connection,
                          struct store_space spaces[static STORE_SPACES_MAX], size_t *count,
                          struct error *err);
bool postgres_space_get_active(struct postgres_connection *connection,
                               char embedding_model[static STORE_MODEL_SIZE], struct error *err);
bool postgres_space_set_active(struct postgres_connection *connection, const char *embedding_model,
                               struct error *err);
bool postgres_space_remove(struct postgres_connection *connection, const char *embedding_model,
                           struct error *err);
