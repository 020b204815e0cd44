#include "service/single_flight.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

struct flight {
    struct flight *next;
    char sha256[65];
    size_t waiting;  // the last of them frees a flight that has landed
    bool has_landed;
    bool has_answer;
    struct flight_answer answer;
};

void single_flight_init(struct single_flight *flights) {
    flights->first = NULL;
    (void)pthread_mutex_init(&flights->mutex, NULL);
    (void)pthread_cond_init(&flights->has_landed, NULL);
}

void single_flight_clear(struct single_flight *flights) {
    (void)pthread_cond_destroy(&flights->has_landed);
    (void)pthread_mutex_destroy(&flights->mutex);
}

static struct flight *find(const struct single_flight *flights, const char *sha256) {
    struct flight *flight = flights->first;
    while (flight != NULL && strcmp(flight->sha256, sha256) != 0) flight = flight->next;
    return flight;
}

struct flight *single_flight_begin(struct single_flight *flights, const char *sha256,
                                   struct flight_answer *answer) {
    struct flight *flight;
    (void)pthread_mutex_lock(&flights->mutex);
    while ((flight = find(flights, sha256)) != NULL) {
        flight->waiting++;
        while (!flight->has_landed) (void)pthread_cond_wait(&flights->has_landed, &flights->mutex);
        bool is_answered = flight->has_answer && answer != NULL;
        if (is_answered) *answer = flight->answer;
        if (--flight->waiting == 0) memory_free(flight);
        if (is_answered) {
            (void)pthread_mutex_unlock(&flights->mutex);
            return NULL;
        }
    }
    flight = memory_alloc(sizeof *flight);
    (void)snprintf(flight->sha256, sizeof flight->sha256, "%s", sha256);
    flight->next = flights->first;
    flights->first = flight;
    (void)pthread_mutex_unlock(&flights->mutex);
    return flight;
}

void single_flight_end(struct single_flight *flights, struct flight *flight,
                       const struct flight_answer *answer) {
    (void)pthread_mutex_lock(&flights->mutex);
    struct flight **link = &flights->first;
    while (*link != flight) link = &(*link)->next;
    *link = flight->next;
    flight->has_landed = true;
    if (answer != NULL) {
        flight->has_answer = true;
        flight->answer = *answer;
    }
    if (flight->waiting == 0)
        memory_free(flight);
    else
        (void)pthread_cond_broadcast(&flights->has_landed);
    (void)pthread_mutex_unlock(&flights->mutex);
}
