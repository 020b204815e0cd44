// Parameters of requests: described once, for the check and for the OpenAPI document.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/problem.h"
#include "http/server.h"
#include "route/policy.h"

enum parameter_place { PARAMETER_QUERY, PARAMETER_PATH, PARAMETER_HEADER };
enum parameter_type { PARAMETER_TEXT, PARAMETER_INTEGER };

struct api_parameter {
    const char *name;
    enum parameter_place place;
    enum parameter_type type;
    long minimum;  // of an integer
    long maximum;
    long fallback;               // of an integer that is absent
    const char *const *choices;  // of a text, ends in NULL; NULL: any
    const char *schema;          // of another text: a name in web/schemas.json; NULL: "Text"
    const char *example;         // of a text
    const char *description;
};

extern const struct api_parameter parameter_id;
extern const struct api_parameter parameter_query_text;  // q
extern const struct api_parameter parameter_image_id;
extern const struct api_parameter parameter_k;
extern const struct api_parameter parameter_limit;
extern const struct api_parameter parameter_cursor;
extern const struct api_parameter parameter_thumbnail_size;
extern const struct api_parameter parameter_file_name;
extern const struct api_parameter parameter_quality;
extern const struct api_parameter parameter_days;
extern const struct api_parameter parameter_model;
extern const struct api_parameter parameter_async;
extern const struct api_parameter parameter_priority;
extern const struct api_parameter parameter_job_id;
extern const struct api_parameter
    parameter_job_state;  // its choices in the order of enum job_state
extern const struct api_parameter parameter_job_limit;
extern const struct api_parameter parameter_summary_format;
extern const struct api_parameter parameter_web_file;       // name
extern const struct api_parameter parameter_if_none_match;  // of every route with an entity tag
extern const struct api_parameter parameter_last_event_id;

bool parameter_read_integer(const struct http_request *request,
                            const struct api_parameter *parameter, long *value,
                            struct problem *problem);
// Checks a value wherever it came from ("query", "body"); NULL passes.
bool parameter_check_choice(const struct api_parameter *parameter, const char *place,
                            const char *value, size_t size, struct problem *problem);
// The same for parameter_quality; *quality stays as it is without a value.
bool parameter_read_quality(const char *place, const char *value, size_t size,
                            enum route_quality *quality, struct problem *problem);
