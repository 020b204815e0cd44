// The parameters of a search, read into a request of the service and the page of it that a cursor
// asks for.
#pragma once

#include "api/parameter.h"
#include "service/search.h"

extern const struct api_parameter parameter_mode;
extern const struct api_parameter parameter_min_score;
extern const struct api_parameter parameter_exact;
extern const struct api_parameter parameter_search_cursor;
extern const struct api_parameter parameter_ids;
extern const struct api_parameter parameter_from;
extern const struct api_parameter parameter_until;
extern const struct api_parameter parameter_origin;
extern const struct api_parameter parameter_tags;
extern const struct api_parameter parameter_words;

// The texts that a request's filter points to.
struct search_parameters {
    struct search_request request;
    char *text;             // one copy of all lists, cut at the commas
    const char **pointers;  // into it
};

enum { SEARCH_CURSOR_SIZE = 13 };  // with NUL

// Reads everything but a picture. The caller clears *parameters, also after a failure.
bool search_parameters_read(struct search_parameters *parameters, struct http_request *request,
                            struct problem *problem);
void search_parameters_clear(struct search_parameters *parameters);

// Has a letter or a digit: what full-text search can look for.
bool search_word_is_whole(const char *word);

// The cursor of the page after this one. It holds for the same parameters only.
bool search_cursor_write(const struct http_request *request, const struct search_request *search,
                         char cursor[static SEARCH_CURSOR_SIZE], struct problem *problem);
