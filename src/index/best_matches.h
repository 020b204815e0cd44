// The k best of many matches: a heap with the worst of them at its root, where it is replaced
// first. The caller owns the array.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "index/vector_index.h"

struct best_matches {
    struct vector_match *heap;  // [k]
    size_t count;
    size_t k;  // at least 1
};

// Highest score first, equal scores by key.
bool match_is_better(struct vector_match a, struct vector_match b);
// A score that is not a number is passed over.
void best_matches_offer(struct best_matches *best, struct vector_match match);
// The k-th best score so far, -inf while there are fewer.
float best_matches_least(const struct best_matches *best);
// Best first; the heap is none any more.
void best_matches_sort(struct best_matches *best);
