// The searches of the store in memory: every image is looked at. Words are runs of ASCII letters
// and digits, whose case does not matter; they have no endings and accents to take off.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/memory_store_private.h"
#include "store/tags.h"

static bool has_word(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *c = text; *c != '\0'; c++) {
        bool is_start = c == text || !isalnum((unsigned char)c[-1]);
        if (is_start && strncasecmp(c, word, length) == 0 && !isalnum((unsigned char)c[length]))
            return true;
    }
    return false;
}

static bool has_word_anywhere(const struct image_record *record, const char *word) {
    return has_word(record->caption, word) || has_word(record->file_name, word) ||
           has_word(record->tags, word);
}

static bool is_listed(const struct store_filter *filter, const char *id) {
    for (size_t i = 0; i < filter->id_count; i++)
        if (strcmp(filter->ids[i], id) == 0) return true;
    return filter->ids == NULL;
}

static bool passes(const struct store_filter *filter, const struct image_record *record) {
    if (!is_listed(filter, record->id)) return false;
    if (filter->created_from_ms != 0 && record->created_ms < filter->created_from_ms) return false;
    if (filter->created_until_ms != 0 && record->created_ms >= filter->created_until_ms)
        return false;
    if (filter->origin != NULL && strcmp(filter->origin, record->origin) != 0) return false;
    for (size_t i = 0; i < filter->tag_count; i++)
        if (!tags_contain(record->tags, filter->tags[i])) return false;
    for (size_t i = 0; i < filter->caption_word_count; i++)
        if (!has_word(record->caption, filter->caption_words[i])) return false;
    for (size_t i = 0; i < filter->without_word_count; i++)
        if (has_word_anywhere(record, filter->without_words[i])) return false;
    return true;
}

struct candidate {
    float score;
    size_t entry;
};

static int compare_best(const void *a, const void *b) {
    float left = ((const struct candidate *)a)->score, right = ((const struct candidate *)b)->score;
    return (left < right) - (left > right);
}

static int compare_nearest(const void *a, const void *b) { return compare_best(b, a); }

static struct candidate *candidates_create(const struct memory_store *self, struct error *err) {
    struct candidate *candidates = memory_try_array(self->count, sizeof *candidates);
    if (candidates == NULL) error_set(err, ERROR_INTERNAL, "out of memory");
    return candidates;
}

// Sorts them, answers the first k and frees them.
static void answer(const struct memory_store *self, struct candidate *candidates,
                   size_t candidate_count, int compare(const void *, const void *), size_t k,
                   struct store_match *matches, size_t *count) {
    qsort(candidates, candidate_count, sizeof *candidates, compare);
    for (*count = 0; *count < k && *count < candidate_count; (*count)++)
        matches[*count] =
            (struct store_match){.record = self->entries[candidates[*count].entry].record,
                                 .score = candidates[*count].score};
    memory_free(candidates);
}

bool memory_search(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err) {
    struct memory_store *self = memory_lock(store);
    size_t candidate_count = 0;
    *count = 0;
    if (!memory_check_width(self, search->embedding_model, search->width, err))
        return memory_unlock(self, false);
    struct candidate *candidates = candidates_create(self, err);
    if (candidates == NULL) return memory_unlock(self, false);
    for (size_t i = 0; i < self->count; i++) {
        const struct memory_vector *vector =
            memory_find_vector(&self->entries[i], search->embedding_model);
        if (vector == NULL || !passes(&search->filter, &self->entries[i].record)) continue;
        float score = 0;
        for (size_t j = 0; j < search->width; j++) score += search->query[j] * vector->values[j];
        candidates[candidate_count++] = (struct candidate){.score = score, .entry = i};
    }
    answer(self, candidates, candidate_count, compare_best, search->k, matches, count);
    return memory_unlock(self, true);
}

bool memory_search_words(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err) {
    struct memory_store *self = memory_lock(store);
    size_t candidate_count = 0;
    *count = 0;
    struct candidate *candidates = candidates_create(self, err);
    if (candidates == NULL) return memory_unlock(self, false);
    for (size_t i = 0; i < self->count; i++) {
        const struct image_record *record = &self->entries[i].record;
        float score = 0;
        for (size_t j = 0; j < search->word_count; j++)
            if (has_word_anywhere(record, search->words[j])) score += 1;
        if (score > 0 && passes(&search->filter, record))
            candidates[candidate_count++] = (struct candidate){.score = score, .entry = i};
    }
    answer(self, candidates, candidate_count, compare_best, search->k, matches, count);
    return memory_unlock(self, true);
}

bool memory_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err) {
    struct memory_store *self = memory_lock(store);
    size_t candidate_count = 0;
    *count = 0;
    struct candidate *candidates = candidates_create(self, err);
    if (candidates == NULL) return memory_unlock(self, false);
    for (size_t i = 0; i < self->count; i++) {
        const struct image_record *record = &self->entries[i].record;
        unsigned bits = (unsigned)__builtin_popcountll(record->perceptual_hash ^ perceptual_hash);
        if (record->has_perceptual_hash && bits <= distance)
            candidates[candidate_count++] = (struct candidate){.score = (float)bits, .entry = i};
    }
    answer(self, candidates, candidate_count, compare_nearest, k, matches, count);
    return memory_unlock(self, true);
}
