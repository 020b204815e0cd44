// Finding pictures: by words, by a picture, by both; by vector, by the words of captions, or both.
#pragma once

#include "base/error.h"
#include "engine/engine.h"
#include "store/store.h"

enum search_mode {
    SEARCH_SEMANTIC,  // by the vectors of pictures
    SEARCH_KEYWORD,   // by the words of captions, file names and tags
    SEARCH_HYBRID,    // both rankings, put together by reciprocal rank fusion
};

enum score_bound {
    SCORE_UNBOUNDED,
    SCORE_AT_LEAST,   // only results whose score is min_score or more
    SCORE_AUTOMATIC,  // only results whose relevance is RELEVANCE_THRESHOLD or more; needs words
};

// What to look for: words, a picture (one of the three ways to name it), or both, whose vectors
// are then added. Zero-initialised parts are not asked for.
struct search_request {
    const char *query;     // "-word" negates
    const char *image_id;  // a stored picture
    const void *picture;   // its bytes
    size_t picture_size;
    const char *url;        // its address
    enum search_mode mode;  // a picture alone goes with SEARCH_SEMANTIC only
    size_t k;               // 1 to STORE_SEARCH_MAX
    size_t offset;          // results passed over; with k at most STORE_SEARCH_MAX
    bool is_exact;
    struct store_filter filter;
    enum score_bound score_bound;
    float min_score;
};

struct search_result {
    struct image_record record;
    float score;      // cosine with what was looked for
    float relevance;  // 0..1, see relevance.h; only of searches by words
    bool has_relevance;
};

struct search_timings {
    double embed_ms;  // from words or picture to the vector, waiting included
    struct engine_timings engine;
    double store_ms;
    double total_ms;
};

enum { SEARCH_REASON_SIZE = 256 };

struct search_answer {
    struct search_result *results;  // [count], best first
    size_t count;
    bool has_more;                           // there may be more after these
    bool is_cut;                             // the query was longer than the model reads
    char embedding_model[STORE_MODEL_SIZE];  // the space that was searched
    char reason[SEARCH_REASON_SIZE];         // why nothing was found; empty when something was
    struct search_timings timings;
};

struct service;

// The caller clears *answer, also after a failure. Errors: ERROR_INVALID (nothing to look for, or
// what does not go together), ERROR_NOT_FOUND (image_id), those of decoding, engine and store.
bool service_search(struct service *service, const struct search_request *request,
                    struct search_answer *answer, struct error *err);
void search_answer_clear(struct search_answer *answer);
