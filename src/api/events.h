// GET /events: what happens to jobs and images, as server-sent events. The two functions are
// observers of the service, whose context is the hub that clients follow.
#pragma once

#include "service/jobs.h"

void events_tell_job(void *hub, const struct job *job, const char *stage,
                     const struct image_record *record);
void events_tell_image(void *hub, const char *id, const char *change);
