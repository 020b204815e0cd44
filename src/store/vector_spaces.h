// The vectors in memory, one exact index for each embedding model, so that vectors of different
// models never meet. A space is made with its first vector and stays until the end: an index
// pointer handed out is good until vector_spaces_clear. Any thread, except init and clear.
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

// *index is NULL when this model has no vectors yet. ERROR_CONFLICT when they have another width.
bool vector_spaces_find(struct vector_spaces *spaces, const char *embedding_model, size_t width,
                        struct vector_index **index, struct error *err);
// Puts a vector in its model's space, which is made when it is the first. ERROR_CONFLICT as above.
bool vector_spaces_put(struct vector_spaces *spaces, const char *embedding_model, int64_t key,
                       const float *vector, size_t width, struct error *err);
void vector_spaces_remove(struct vector_spaces *spaces, int64_t key);  // from every space
