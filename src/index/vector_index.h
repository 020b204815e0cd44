// Exact search in memory: every vector is compared with the query. Vectors are unit length, so
// the dot product is the cosine. Any number of searching threads beside one writer at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vector_index;

struct vector_match {
    int64_t key;
    float score;  // cosine
};

// The keys that a search may find: bit k % 64 of bits[k / 64] for key k. Others may not.
struct key_filter {
    const uint64_t *bits;
    size_t bit_count;
};

struct vector_search {
    const float *query;  // [width]
    size_t k;
    const struct key_filter *filter;  // NULL: all
};

struct vector_index *vector_index_create(size_t width, struct error *err);
void vector_index_destroy(struct vector_index *index);
// Replaces the vector when the key is there. Errors: ERROR_INTERNAL (out of memory).
bool vector_index_put(struct vector_index *index, int64_t key, const float *vector,
                      struct error *err);
bool vector_index_remove(struct vector_index *index, int64_t key);  // false: was not there
size_t vector_index_count(struct vector_index *index);
size_t vector_index_width(const struct vector_index *index);
// The k best, highest first, equal scores by key (lower first); returns how many (at most k).
size_t vector_index_search(struct vector_index *index, const struct vector_search *search,
                           struct vector_match *matches);
