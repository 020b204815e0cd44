// A search: what is looked for becomes a vector and words, the store ranks by one or both, the
// ranking gets scores and relevance, what falls short goes, and a page of the rest is the answer.
#include "service/search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "service/query_text.h"
#include "service/rank_fusion.h"
#include "service/relevance.h"
#include "service/search_subject.h"
#include "service/service_private.h"
#include "service/stage_metrics.h"
#include "service/stage_trace.h"

enum {
    FUSION_DEPTH = 100,  // matches of each ranking at least that a fusion looks at
    DEEPER = 3,          // times as many matches as are asked for, where some will fall away
};

// One search under way.
struct search {
    struct service *service;
    const struct search_request *request;
    struct search_space space;  // the one that is searched
    struct query_text text;
    bool is_judged;              // results get a relevance
    struct store_filter filter;  // the request's, and the negated words
    struct search_subject subject;
    struct store_match *matches;  // [count], best first; scores are NAN where not known yet
    float *relevance;             // [count], or NULL: not asked for
    size_t count;
};

static bool out_of_memory(struct error *err) {
    return error_set(err, ERROR_INTERNAL, "out of memory for a search; ask for fewer results");
}

static bool check_request(const struct search_space *space, const struct search_request *request,
                          struct error *err) {
    bool has_picture =
        request->image_id != NULL || request->picture != NULL || request->url != NULL;
    if (request->query == NULL && !has_picture)
        return error_set(err, ERROR_INVALID, "say what to look for: words or a picture");
    if (request->query == NULL && request->mode != SEARCH_SEMANTIC)
        return error_set(err, ERROR_INVALID,
                         "a search by keywords needs words; leave out mode to search by a picture");
    bool can_judge = request->query != NULL && space->relevance != NULL;
    if (!can_judge && request->score_bound == SCORE_AUTOMATIC)
        return error_set(err, ERROR_INVALID,
                         "min_score=auto judges how well words fit; give words, or a number");
    if (request->k > STORE_SEARCH_MAX || request->offset > STORE_SEARCH_MAX - request->k)
        return error_set(err, ERROR_INVALID, "a search answers its first %d results, no more",
                         STORE_SEARCH_MAX);
    return true;
}

// How many matches to ask the store for, one more than are shown where that is possible: it tells
// whether there are more.
static size_t depth_of(const struct search_request *request) {
    size_t wanted = request->offset + request->k + 1;
    bool is_thinned = request->score_bound == SCORE_AUTOMATIC || request->mode == SEARCH_HYBRID;
    if (is_thinned) wanted *= DEEPER;
    if (request->mode == SEARCH_HYBRID && wanted < FUSION_DEPTH) wanted = FUSION_DEPTH;
    return wanted < STORE_SEARCH_MAX ? wanted : STORE_SEARCH_MAX;
}

static bool rank_by_vector(const struct search *search, size_t depth,
                           const struct store_filter *filter, struct store_match *matches,
                           size_t *count, struct error *err) {
    struct store *store = search->service->options.store;
    struct store_search query = {
        .embedding_model = search->space.embedding_model,
        .query = search->subject.vector.values,
        .width = search->subject.vector.width,
        .k = depth,
        .is_exact = search->request->is_exact,
        .filter = *filter,
    };
    struct span *span = stage_trace_store(store, "search");
    bool is_done = store->operations->search(store, &query, matches, count, err);
    if (is_done) span_set_integer(span, "db.response.returned_rows", (int64_t)*count);
    stage_trace_end(span, is_done, err);
    return is_done;
}

static bool rank_by_words(const struct search *search, size_t depth, struct store_match *matches,
                          size_t *count, struct error *err) {
    struct store *store = search->service->options.store;
    struct store_word_search query = {.words = (const char *const *)search->text.words,
                                      .word_count = search->text.word_count,
                                      .k = depth,
                                      .filter = search->filter};
    struct span *span = stage_trace_store(store, "search_words");
    bool is_done = store->operations->search_words(store, &query, matches, count, err);
    if (is_done) span_set_integer(span, "db.response.returned_rows", (int64_t)*count);
    stage_trace_end(span, is_done, err);
    if (!is_done) return false;
    for (size_t i = 0; i < *count; i++) matches[i].score = NAN;  // not comparable with a cosine
    return true;
}

static bool rank(struct search *search, struct error *err) {
    enum search_mode mode = search->request->mode;
    size_t depth = depth_of(search->request), room = mode == SEARCH_HYBRID ? 2 * depth : depth;
    search->matches = memory_try_array(room, sizeof *search->matches);
    if (search->matches == NULL) return out_of_memory(err);
    if (mode == SEARCH_SEMANTIC)
        return rank_by_vector(search, depth, &search->filter, search->matches, &search->count, err);
    if (mode == SEARCH_KEYWORD)
        return rank_by_words(search, depth, search->matches, &search->count, err);
    struct store_match *first = memory_try_array(depth, sizeof *first);
    struct store_match *second = memory_try_array(depth, sizeof *second);
    size_t first_count, second_count;
    bool is_done = first != NULL && second != NULL;
    if (!is_done) out_of_memory(err);
    is_done =
        is_done && rank_by_vector(search, depth, &search->filter, first, &first_count, err) &&
        rank_by_words(search, depth, second, &second_count, err) &&
        rank_fusion(first, first_count, second, second_count, search->matches, &search->count, err);
    memory_free(first);
    memory_free(second);
    if (search->count > depth) search->count = depth;
    return is_done;
}

// Where nothing can fall short, what comes after the page and the one that tells of more needs
// neither score nor relevance.
static void leave_later_pages(struct search *search) {
    size_t needed = search->request->offset + search->request->k + 1;
    if (search->request->score_bound == SCORE_UNBOUNDED && search->count > needed)
        search->count = needed;
}

// Those found by their words only get their cosine by a search among them. What has no vector in
// this space keeps none.
static bool fill_scores(struct search *search, struct error *err) {
    const char **ids = memory_try_array(search->count, sizeof *ids);
    struct store_match *scored = memory_try_array(search->count, sizeof *scored);
    size_t id_count = 0, scored_count = 0;
    bool is_done = ids != NULL && scored != NULL;
    if (!is_done) out_of_memory(err);
    for (size_t i = 0; is_done && i < search->count; i++)
        if (isnan(search->matches[i].score)) ids[id_count++] = search->matches[i].record.id;
    struct store_filter among = {.ids = ids, .id_count = id_count};
    if (is_done && id_count > 0)
        is_done = rank_by_vector(search, id_count, &among, scored, &scored_count, err);
    for (size_t i = 0; i < scored_count; i++)
        for (size_t j = 0; j < search->count; j++)
            if (strcmp(scored[i].record.id, search->matches[j].record.id) == 0)
                search->matches[j].score = scored[i].score;
    memory_free(ids);
    memory_free(scored);
    return is_done;
}

// Zero for what has no vector in this space.
static bool judge(struct search *search, struct error *err) {
    struct store *store = search->service->options.store;
    size_t width = search->space.width, floats;
    const char **ids = memory_try_array(search->count, sizeof *ids);
    bool *is_there = memory_try_zeroed(search->count, sizeof *is_there);
    float *vectors = size_multiply(search->count, width, &floats)
                         ? memory_try_zeroed(floats, sizeof *vectors)
                         : NULL;
    search->relevance = memory_try_zeroed(search->count, sizeof *search->relevance);
    bool is_done = ids != NULL && is_there != NULL && vectors != NULL && search->relevance != NULL;
    if (!is_done) out_of_memory(err);
    for (size_t i = 0; is_done && i < search->count; i++) ids[i] = search->matches[i].record.id;
    struct span *span = is_done ? stage_trace_store(store, "get_vectors") : NULL;
    is_done = is_done && store->operations->get_vectors(store, ids, search->count,
                                                        search->space.embedding_model, vectors,
                                                        width, is_there, err);
    stage_trace_end(span, is_done, err);
    is_done = is_done && relevance_score(search->space.relevance, search->subject.words.values,
                                         vectors, search->count, width, search->relevance, err);
    for (size_t i = 0; is_done && i < search->count; i++)
        if (!is_there[i]) search->relevance[i] = 0;
    memory_free(ids);
    memory_free(is_there);
    memory_free(vectors);
    return is_done;
}

static bool falls_short(const struct search *search, size_t i) {
    switch (search->request->score_bound) {
        case SCORE_AT_LEAST:
            return !(search->matches[i].score >= search->request->min_score);
        case SCORE_AUTOMATIC:
            return search->relevance[i] < RELEVANCE_THRESHOLD;
        case SCORE_UNBOUNDED:
            break;
    }
    return false;
}

static void say_why_nothing(const struct search *search, size_t found, char *reason) {
    double best_score = -1, best_relevance = 0;
    for (size_t i = 0; i < found; i++) {
        double score = (double)search->matches[i].score;
        if (score > best_score) best_score = score;
        if (search->relevance != NULL && (double)search->relevance[i] > best_relevance)
            best_relevance = (double)search->relevance[i];
    }
    if (found == 0)
        (void)snprintf(reason, SEARCH_REASON_SIZE, "%s",
                       search->request->mode == SEARCH_KEYWORD
                           ? "No picture that the filters let through has one of these words in "
                             "its caption, file name or tags."
                           : "There is no picture that the filters let through.");
    else if (search->request->score_bound == SCORE_AUTOMATIC)
        (void)snprintf(reason, SEARCH_REASON_SIZE,
                       "Nothing fits: the most relevant picture has %.2f, and min_score=auto asks "
                       "for %.2f.",
                       best_relevance, (double)RELEVANCE_THRESHOLD);
    else if (search->request->score_bound == SCORE_AT_LEAST)
        (void)snprintf(reason, SEARCH_REASON_SIZE,
                       "Nothing reaches min_score: the best picture has %.3f.", best_score);
    else
        (void)snprintf(reason, SEARCH_REASON_SIZE, "There are no results after these.");
}

// The matches that hold out, from request->offset on.
static bool answer_page(struct search *search, struct search_answer *answer, struct error *err) {
    const struct search_request *request = search->request;
    size_t passed = 0;
    answer->results = memory_try_array(request->k, sizeof *answer->results);
    if (answer->results == NULL) return out_of_memory(err);
    for (size_t i = 0; i < search->count && !answer->has_more; i++) {
        if (falls_short(search, i)) continue;
        if (passed++ < request->offset) continue;
        if (answer->count == request->k) {
            answer->has_more = true;
            break;
        }
        struct search_result *result = &answer->results[answer->count++];
        *result = (struct search_result){.record = search->matches[i].record,
                                         .score = search->matches[i].score,
                                         .has_relevance = search->relevance != NULL};
        if (result->has_relevance) result->relevance = search->relevance[i];
    }
    // A cursor cannot lead beyond what a search looks at.
    if (request->offset + request->k >= STORE_SEARCH_MAX) answer->has_more = false;
    if (answer->count == 0) say_why_nothing(search, search->count, answer->reason);
    return true;
}

static bool run(struct search *search, struct search_answer *answer, struct error *err) {
    const struct search_request *request = search->request;
    int64_t started = clock_monotonic_ns();
    if (!check_request(&search->space, request, err)) return false;
    search->filter = request->filter;
    if (request->query != NULL) {
        if (!query_text_parse(request->query, &search->text, err)) return false;
        search->is_judged = search->space.relevance != NULL;
        search->filter.without_words = (const char *const *)search->text.negated;
        search->filter.without_word_count = search->text.negated_count;
    }
    if (!search_subject_make(search->service, &search->space, request,
                             request->query != NULL ? &search->text : NULL, &search->subject, err))
        return false;
    answer->is_cut = search->subject.is_cut;
    answer->timings.engine = search->subject.engine;
    answer->timings.embed_ms = clock_ms_since(started);
    int64_t store_started = clock_monotonic_ns();
    bool is_done = rank(search, err);
    leave_later_pages(search);
    is_done = is_done && (request->mode == SEARCH_SEMANTIC || fill_scores(search, err)) &&
              (!search->is_judged || judge(search, err)) && answer_page(search, answer, err);
    answer->timings.store_ms = clock_ms_since(store_started);
    return is_done;
}

bool service_search(struct service *service, const struct search_request *request,
                    struct search_answer *answer, struct error *err) {
    struct search search = {.service = service, .request = request};
    int64_t started = clock_monotonic_ns();
    *answer = (struct search_answer){.results = NULL};
    if (!search_space_take(service, &search.space, err)) return false;
    bool is_done = run(&search, answer, err);
    search_space_return(service, &search.space);
    memcpy(answer->embedding_model, search.space.embedding_model, sizeof answer->embedding_model);
    answer->timings.total_ms = clock_ms_since(started);
    if (is_done) stage_metrics_search(service, search.subject.decode_ms, &answer->timings);
    query_text_clear(&search.text);
    memory_free(search.matches);
    memory_free(search.relevance);
    return is_done;
}

void search_answer_clear(struct search_answer *answer) {
    memory_free(answer->results);
    *answer = (struct search_answer){.results = NULL};
}
