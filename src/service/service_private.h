// What the files of this room share. The service keeps no lock of its own: the store, the engine
// and the metrics are safe for any thread, single_flight orders work on the same picture,
// latency has one of its own, decode_slots bounds how many pictures are decoded at once, and
// bulk_slots how many of bulk work are decoded or with the models. space_choice and reindex have
// locks of their own.
#pragma once

#include <semaphore.h>
#include <stdatomic.h>

#include "route/latency_window.h"
#include "service/search_space.h"
#include "service/service.h"
#include "service/shadow.h"
#include "service/single_flight.h"

struct service {
    struct service_options options;
    struct experiment_variant plain;  // how pictures are captioned without an experiment
    struct shadow *shadow;            // NULL: there is none
    atomic_llong observation_warned_ms;
    struct single_flight flights;
    sem_t decode_slots;
    sem_t bulk_slots;
    struct space_choice space_choice;
    struct reindex_job *reindex;
    struct latency_window latency;   // of local captions
    image_observer *image_observer;  // NULL: nobody follows
    void *image_observer_context;
};

struct reindex_job *reindex_job_create(struct service *service);
void reindex_job_destroy(struct reindex_job *job);

// A picture from an address, of a length that the store can keep. The caller clears *answer.
bool service_fetch(struct service *service, const char *url, struct fetch_answer *answer,
                   struct error *err);

void service_tell_image(const struct service *service, const char *id, const char *change);

// Waits for one of the slots, and gives it back.
void slot_take(sem_t *slots);
void slot_give_back(sem_t *slots);
