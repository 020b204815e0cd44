// Jobs as JSON: what GET /jobs/{id} and the event `job` show.
#pragma once

#include <jansson.h>

#include "service/jobs.h"

struct api;

// `stage` NULL: none now; `record` NULL: no image has come of it, or it is gone again. NULL when
// memory is out.
json_t *job_json_create(const struct job *job, const char *stage,
                        const struct image_record *record);
// False where this server keeps no jobs: ERROR_UNAVAILABLE.
bool jobs_require(const struct api *api, struct error *err);
