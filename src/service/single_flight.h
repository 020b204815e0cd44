// Work on the same picture, known by its SHA-256, is done once: the first to come leads and does
// it, the others wait and take its answer, be it an image or an error. Deleting a picture leads as
// well, without an answer to share, so that it never crosses an upload of the same bytes. Any
// thread.
#pragma once

#include <pthread.h>

#include "base/error.h"
#include "route/policy.h"
#include "store/store.h"

struct flight;

struct single_flight {
    pthread_mutex_t mutex;
    pthread_cond_t has_landed;
    struct flight *first;
};

struct flight_answer {
    bool is_done;  // false: see error
    struct image_record record;
    enum route_quality quality;  // that it was made with
    struct error error;
};

void single_flight_init(struct single_flight *flights);
void single_flight_clear(struct single_flight *flights);  // nothing may be under way

// Returns the flight that the caller now leads and must end, or NULL when another one led and
// *answer is its answer. With `answer` NULL the caller waits until it can lead.
struct flight *single_flight_begin(struct single_flight *flights, const char *sha256,
                                   struct flight_answer *answer);
// `answer` NULL: there is none to share, those who wait try themselves.
void single_flight_end(struct single_flight *flights, struct flight *flight,
                       const struct flight_answer *answer);
