// Two rankings become one. Pure: no store, no engine.
#pragma once

#include "store/store.h"

// Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): an image's worth is the sum of
// 1 / (RANK_FUSION_OFFSET + rank) over the rankings it is in; scores, which cannot be compared, do
// not matter. 60 is the paper's.
enum { RANK_FUSION_OFFSET = 60 };

// Writes the images of both rankings to `fused`, each once, best first, equals in the first
// ranking's order. `fused` has room for both; the scores are those of the first ranking, NAN for
// images it lacks. Errors: ERROR_INTERNAL (out of memory).
bool rank_fusion(const struct store_match *first, size_t first_count,
                 const struct store_match *second, size_t second_count, struct store_match *fused,
                 size_t *fused_count, struct error *err);
