// The parameters of a search, read into a request of the service and the page of it that a cursor
// asks for.
#pragma once

#include "api/parameter.h"
#include "service/search_text.h"

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

struct search_parameters {
    struct search_request request;
    struct search_text text;  // what the request points to
};

enum { SEARCH_CURSOR_SIZE = 13 };  // with NUL

// Reads everything but a picture. The caller clears *parameters, also after a failure.
bool search_parameters_read(struct search_parameters *parameters, struct http_request *request,
                            struct problem *problem);
void search_parameters_clear(struct search_parameters *parameters);

// The cursor of the page after this one. It holds for the same parameters only.
bool search_cursor_write(const struct http_request *request, const struct search_request *search,
                         char cursor[static SEARCH_CURSOR_SIZE], struct problem *problem);
