// What is looked for, as a vector: words, a picture, or both.
#pragma once

#include "service/query_text.h"
#include "service/search.h"
#include "service/search_space.h"

struct search_subject {
    struct embedding vector;  // unit length
    struct embedding words;   // of the words alone, when has_words
    bool has_words;
    bool is_cut;
    double decode_ms;  // of a picture
    struct engine_timings engine;
};

// In the space that is searched. `text` is NULL when no words were given. Errors as service_search.
bool search_subject_make(struct service *service, const struct search_space *space,
                         const struct search_request *request, const struct query_text *text,
                         struct search_subject *subject, struct error *err);
