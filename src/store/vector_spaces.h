// The vectors in memory, one index for each embedding model, so that vectors of different models
// never meet. A space is made with its first vector. Any thread, except init and clear.
#pragma once

#include <pthread.h>

#include "base/error.h"
#include "index/vector_index.h"
#include "store/store.h"

struct vector_space;

struct vector_spaces {
    pthread_mutex_t mutex;  // guards the list, not the indexes
    struct vector_space *first;
};

void vector_spaces_init(struct vector_spaces *spaces);
void vector_spaces_clear(struct vector_spaces *spaces);

// *index is NULL when this model has no vectors yet; else it stays until vector_spaces_return, also
// when the space is dropped meanwhile. ERROR_CONFLICT when its vectors have another width.
bool vector_spaces_take(struct vector_spaces *spaces, const char *embedding_model, size_t width,
                        struct vector_index **index, struct error *err);
void vector_spaces_return(struct vector_spaces *spaces, struct vector_index *index);  // or NULL

// Puts a vector in its model's space, which is made when it is the first. ERROR_CONFLICT as above.
bool vector_spaces_put(struct vector_spaces *spaces, const char *embedding_model, int64_t key,
                       const float *vector, size_t width, struct error *err);
// The same for `count` vectors [count, width].
bool vector_spaces_put_many(struct vector_spaces *spaces, const char *embedding_model,
                            const int64_t *keys, const float *vectors, size_t count, size_t width,
                            struct error *err);
void vector_spaces_remove(struct vector_spaces *spaces, int64_t key);  // from every space
void vector_spaces_drop(struct vector_spaces *spaces, const char *embedding_model);
// Those that have vectors; returns how many.
size_t vector_spaces_list(struct vector_spaces *spaces,
                          struct store_space list[static STORE_SPACES_MAX]);
// All of them together.
void vector_spaces_measure(struct vector_spaces *spaces, size_t *vectors, size_t *bytes);
