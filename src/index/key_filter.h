// What vector_index.h says a filter is, read.
#pragma once

#include "index/vector_index.h"

static inline bool key_filter_allows(const struct key_filter *filter, int64_t key) {
    return key >= 0 && (uint64_t)key < filter->bit_count &&
           (filter->bits[key / 64] >> (key % 64) & 1) != 0;
}

// How many keys it allows, whether they are there or not.
size_t key_filter_count(const struct key_filter *filter);
// The next allowed key from `key` on; -1: none.
int64_t key_filter_next(const struct key_filter *filter, int64_t key);
