// Search by words. Qdrant finds which images have a word; how well the words describe an image is
// told here by BM25 (Robertson and Zaragoza 2009) over the images' words, each taken once: a word
// weighs more the fewer images have it, and a long text weighs less.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/qdrant_filter.h"
#include "store/qdrant_store_private.h"
#include "store/words.h"

enum {
    CANDIDATES_MAX = 10000,  // images scored: those with all words first, then the rarest words'
    CANDIDATE_PAGE = 1000,
    PARTS_MAX = 2 * STORE_WORDS_MAX,  // words of a query, their parts counted
};
static const double saturation = 1.2, length_share = 0.75;  // k1 and b, as FTS5 has them

struct candidate {
    char point_id[POINT_ID_SIZE];
    float score;
    uint64_t has_words;  // bit i: the query's word i
    size_t word_count;
};

struct word_search {
    struct qdrant_store *self;
    const struct store_filter *filter;
    struct word_list parts;
    size_t image_counts[PARTS_MAX];  // images that have the part
    double all_count;                // of images
    struct candidate *candidates;    // [CANDIDATES_MAX]
    size_t count;
};

// Sorts the parts, those that fewest images have first.
static void sort_parts(struct word_search *search) {
    for (size_t i = 1; i < search->parts.count; i++)
        for (size_t j = i; j > 0 && search->image_counts[j - 1] > search->image_counts[j]; j--) {
            char word[WORD_SIZE];
            size_t count = search->image_counts[j];
            search->image_counts[j] = search->image_counts[j - 1];
            search->image_counts[j - 1] = count;
            memcpy(word, search->parts.words[j], WORD_SIZE);
            memcpy(search->parts.words[j], search->parts.words[j - 1], WORD_SIZE);
            memcpy(search->parts.words[j - 1], word, WORD_SIZE);
        }
}

static bool count_parts(struct word_search *search, struct error *err) {
    size_t all;
    if (!qdrant_count(search->self, search->self->images, json_object(), &all, err)) return false;
    search->all_count = (double)all;
    for (size_t i = 0; i < search->parts.count; i++) {
        json_t *filter =
            json_pack("{s:[o]}", "must", condition_match("words", search->parts.words[i]));
        if (!qdrant_count(search->self, search->self->images, filter, &search->image_counts[i],
                          err))
            return false;
    }
    sort_parts(search);
    return true;
}

static uint64_t all_parts(const struct word_search *search) {
    return search->parts.count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << search->parts.count) - 1;
}

// What the filter lets through and has the parts from `first` to `last`, but none before `first`.
static json_t *parts_filter(const struct word_search *search, size_t first, size_t last) {
    json_t *filter = qdrant_filter_create(search->filter);
    bool is_done = filter != NULL;
    for (size_t i = 0; i <= last && is_done; i++)
        is_done = qdrant_filter_add(filter, i < first ? "must_not" : "must",
                                    condition_match("words", search->parts.words[i]));
    if (is_done) return filter;
    json_decref(filter);
    return NULL;
}

static void read_candidate(const struct word_search *search, const json_t *point,
                           struct candidate *candidate) {
    const json_t *words = json_object_get(json_object_get(point, "payload"), "words");
    const char *id = qdrant_point_id(point);
    *candidate = (struct candidate){.word_count = json_array_size(words)};
    memcpy(candidate->point_id, id, strnlen(id, POINT_ID_SIZE - 1));
    for (size_t i = 0; i < candidate->word_count; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        for (size_t part = 0; word != NULL && part < search->parts.count; part++)
            if (strcmp(word, search->parts.words[part]) == 0)
                candidate->has_words |= (uint64_t)1 << part;
    }
}

// Those that have all parts are passed over when `has_all` were collected before.
static bool collect(struct word_search *search, size_t first, size_t last, bool has_all,
                    struct error *err) {
    json_t *offset = NULL;
    bool is_done = true;
    do {
        json_t *points;
        json_t *body =
            json_pack("{s:i, s:o, s:[s], s:o*}", "limit", CANDIDATE_PAGE, "filter",
                      parts_filter(search, first, last), "with_payload", "words", "offset", offset);
        is_done = qdrant_scroll(search->self, search->self->images, body, &points, &offset, err);
        for (size_t i = 0; i < json_array_size(points) && search->count < CANDIDATES_MAX; i++) {
            struct candidate *candidate = &search->candidates[search->count];
            read_candidate(search, json_array_get(points, i), candidate);
            if (!has_all || candidate->has_words != all_parts(search)) search->count++;
        }
        json_decref(points);
    } while (is_done && offset != NULL && search->count < CANDIDATES_MAX);
    json_decref(offset);
    return is_done;
}

// Where enough images have all parts, these are the best, and the others need not be looked at.
static bool collect_all(struct word_search *search, size_t k, struct error *err) {
    size_t count = search->parts.count;
    bool has_all = count > 1 && search->image_counts[0] > 0;
    if (has_all && !collect(search, 0, count - 1, false, err)) return false;
    if (has_all && search->count >= k) return true;
    for (size_t part = 0; part < count && search->count < CANDIDATES_MAX; part++)
        if (search->image_counts[part] > 0 && !collect(search, part, part, has_all, err))
            return false;
    return true;
}

static int compare_best(const void *a, const void *b) {
    const struct candidate *left = a, *right = b;
    if (left->score != right->score) return left->score > right->score ? -1 : 1;
    return strcmp(left->point_id, right->point_id);
}

static void score_candidates(struct word_search *search) {
    double weights[PARTS_MAX], words = 0;
    for (size_t part = 0; part < search->parts.count; part++) {
        double count = (double)search->image_counts[part];
        weights[part] = log(1 + (search->all_count - count + 0.5) / (count + 0.5));
        if (!(weights[part] > 0)) weights[part] = 0;  // counted while images came
    }
    for (size_t i = 0; i < search->count; i++) words += (double)search->candidates[i].word_count;
    double mean = words / (double)search->count;
    for (size_t i = 0; i < search->count; i++) {
        struct candidate *candidate = &search->candidates[i];
        double share = 1 - length_share + length_share * (double)candidate->word_count / mean;
        double score = 0;
        for (size_t part = 0; part < search->parts.count; part++)
            if ((candidate->has_words >> part & 1) != 0)
                score += weights[part] * (saturation + 1) / (1 + saturation * share);
        candidate->score = (float)score;
    }
    qsort(search->candidates, search->count, sizeof *search->candidates, compare_best);
}

static bool answer(struct word_search *search, size_t k, struct store_match *matches, size_t *count,
                   struct error *err) {
    size_t best = search->count < k ? search->count : k;
    json_t *ids = json_array();
    float *scores = memory_try_array(best + 1, sizeof *scores);
    for (size_t i = 0; i < best && scores != NULL; i++) {
        scores[i] = search->candidates[i].score;
        (void)json_array_append_new(ids, json_string(search->candidates[i].point_id));
    }
    bool is_done = ids != NULL && scores != NULL
                       ? qdrant_read_matches(search->self, ids, scores, k, matches, count, err)
                       : qdrant_out_of_memory(err);
    json_decref(ids);
    memory_free(scores);
    return is_done;
}

static bool find_words(struct word_search *search, const struct store_word_search *asked,
                       struct error *err) {
    for (size_t i = 0; i < asked->word_count; i++)
        if (!word_list_add(&search->parts, asked->words[i])) return qdrant_out_of_memory(err);
    if (search->parts.count > PARTS_MAX) search->parts.count = PARTS_MAX;
    if (search->parts.count == 0) return true;
    search->candidates = memory_try_array(CANDIDATES_MAX, sizeof *search->candidates);
    if (search->candidates == NULL) return qdrant_out_of_memory(err);
    if (!count_parts(search, err)) return false;
    if (!collect_all(search, asked->k, err)) return false;
    if (search->count > 0) score_candidates(search);
    return true;
}

bool qdrant_search_words(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct word_search state = {.self = self, .filter = &search->filter};
    *count = 0;
    bool is_done = qdrant_begin_read(self, err) && find_words(&state, search, err) &&
                   answer(&state, search->k, matches, count, err);
    word_list_clear(&state.parts);
    memory_free(state.candidates);
    return is_done;
}
