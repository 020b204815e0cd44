#include "index/best_matches.h"

#include <math.h>

bool match_is_better(struct vector_match a, struct vector_match b) {
    return a.score > b.score || (a.score == b.score && a.key < b.key);
}

static void sift_down(struct vector_match *heap, size_t count, size_t i) {
    struct vector_match match = heap[i];
    for (size_t child = 2 * i + 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count && match_is_better(heap[child], heap[child + 1])) child++;
        if (!match_is_better(match, heap[child])) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = match;
}

static void sift_up(struct vector_match *heap, size_t i) {
    struct vector_match match = heap[i];
    while (i > 0 && match_is_better(heap[(i - 1) / 2], match)) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = match;
}

void best_matches_offer(struct best_matches *best, struct vector_match match) {
    if (isnan(match.score)) return;
    if (best->count < best->k) {
        best->heap[best->count] = match;
        sift_up(best->heap, best->count++);
    } else if (match_is_better(match, best->heap[0])) {
        best->heap[0] = match;
        sift_down(best->heap, best->count, 0);
    }
}

float best_matches_least(const struct best_matches *best) {
    return best->count == best->k ? best->heap[0].score : -INFINITY;
}

void best_matches_sort(struct best_matches *best) {
    // Takes the worst off the heap again and again: what remains is sorted, best first.
    for (size_t left = best->count; left > 1; left--) {
        struct vector_match worst = best->heap[0];
        best->heap[0] = best->heap[left - 1];
        best->heap[left - 1] = worst;
        sift_down(best->heap, left - 1, 0);
    }
}
