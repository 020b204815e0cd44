// Search among vectors in memory, which are kept small: 1-bit codes choose candidates, int8 ranks
// them, and the owner's fp32 decides among the last few. Everything is compared with the query;
// there is nothing to build, and putting and removing take microseconds. Any number of searching
// threads beside any number that write, who take turns.
//
// A vector of 512 numbers takes 600 bytes and its key up to 43. Scores are dot products, the cosine
// of vectors of unit length.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vector_index;

struct vector_match {
    int64_t key;
    float score;
};

// The keys that a search may find: bit key % 64 of word key / 64.
struct key_filter {
    const uint64_t *bits;
    size_t bit_count;
};

// Reads the vectors of `count` keys into vectors [count, width]. is_there[i] is false when the
// owner has no such key (any more). Called on the searching thread, without a lock of the index.
typedef bool vector_reader(void *context, const int64_t *keys, size_t count, float *vectors,
                           bool *is_there, struct error *err);

struct vector_search {
    const float *query;  // [width]
    size_t k;
    // The true k best, at the cost of reading all int8. Else they are found but for one in a
    // thousand among 100,000, and one in a hundred among a million (docs/speed-log.md).
    bool is_exact;
    const struct key_filter *filter;  // NULL: every key
    vector_reader *read;
    void *read_context;
};

// kernel_tier and threads are as for compute_create. Widths up to 8192. Errors: its own,
// ERROR_INTERNAL (out of memory), ERROR_INVALID (width).
struct vector_index *vector_index_create(size_t width, const char *kernel_tier, size_t threads,
                                         struct error *err);
void vector_index_destroy(struct vector_index *index);
size_t vector_index_width(const struct vector_index *index);
size_t vector_index_count(struct vector_index *index);
size_t vector_index_memory_bytes(struct vector_index *index);

// Replaces the vector when the key is there. One with a number that is not finite is never found.
// Errors: ERROR_INTERNAL (out of memory).
bool vector_index_put(struct vector_index *index, int64_t key, const float *vector,
                      struct error *err);
// The same for vectors [count, width], on all threads. On failure the first of them may be there.
bool vector_index_put_many(struct vector_index *index, const int64_t *keys, const float *vectors,
                           size_t count, struct error *err);
bool vector_index_remove(struct vector_index *index, int64_t key);  // false: was not there

// Up to k matches, highest score first, equal scores by key (lower first); fewer only where fewer
// keys are there and allowed. What is put or removed meanwhile may be found or not. Errors: the
// reader's, ERROR_INTERNAL (out of memory).
bool vector_index_search(struct vector_index *index, const struct vector_search *search,
                         struct vector_match *matches, size_t *count, struct error *err);
