#include "service/rank_fusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct ranked {
    const struct store_match *match;
    double worth;
    float score;
    size_t order;  // where it was met first
};

static double worth_of(size_t rank) { return 1.0 / (double)(RANK_FUSION_OFFSET + rank + 1); }

static int compare_ids(const void *a, const void *b) {
    const struct ranked *left = a, *right = b;
    int order = strcmp(left->match->record.id, right->match->record.id);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

static int compare_worth(const void *a, const void *b) {
    const struct ranked *left = a, *right = b;
    if (left->worth != right->worth) return left->worth > right->worth ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

bool rank_fusion(const struct store_match *first, size_t first_count,
                 const struct store_match *second, size_t second_count, struct store_match *fused,
                 size_t *fused_count, struct error *err) {
    size_t count = first_count + second_count, kept = 0;
    struct ranked *ranked = memory_try_array(count, sizeof *ranked);
    if (ranked == NULL) return error_set(err, ERROR_INTERNAL, "out of memory for a search");
    for (size_t i = 0; i < count; i++) {
        bool is_first = i < first_count;
        size_t rank = is_first ? i : i - first_count;
        const struct store_match *match = is_first ? &first[rank] : &second[rank];
        ranked[i] = (struct ranked){.match = match,
                                    .worth = worth_of(rank),
                                    .score = is_first ? match->score : NAN,
                                    .order = i};
    }
    // Those of the same image come together, the first ranking's before the second's.
    if (count > 0) qsort(ranked, count, sizeof *ranked, compare_ids);
    for (size_t i = 0; i < count; i++) {
        bool is_same =
            kept > 0 && strcmp(ranked[kept - 1].match->record.id, ranked[i].match->record.id) == 0;
        if (is_same)
            ranked[kept - 1].worth += ranked[i].worth;
        else
            ranked[kept++] = ranked[i];
    }
    if (kept > 0) qsort(ranked, kept, sizeof *ranked, compare_worth);
    for (size_t i = 0; i < kept; i++) {
        fused[i] = *ranked[i].match;
        fused[i].score = ranked[i].score;
    }
    memory_free(ranked);
    *fused_count = kept;
    return true;
}
