// Uploads that nobody waits for: accepted durably, then done by threads of their own, interactive
// ones before bulk, whatever happens to the process meanwhile. An upload's identity is its bytes,
// so one that is done twice after a crash is known the second time.
//
// What fails for now (the store is away, the disk is full, too much else is waiting) is tried again
// with growing pauses; what fails for good is kept with its reason. Any thread.
#pragma once

#include "service/service.h"
#include "store/job_store.h"

struct jobs;

// Told of every change of a job: accepted, begun, each stage, put off, ended. `stage` is that of a
// job that runs (service/service.h), else NULL; `record` is the image of one that is done, else
// NULL. Called on any thread, in the order of the job's changes; must not wait, nor call back.
typedef void job_observer(void *context, const struct job *job, const char *stage,
                          const struct image_record *record);

struct jobs_options {
    struct service *service;  // borrowed, as are the others
    struct job_store *store;
    struct metrics *metrics;
    size_t threads;
    size_t waiting_max;
    job_observer *observer;
    void *observer_context;
};

// Begins with what is queued from before. Errors: ERROR_UNAVAILABLE (no threads).
struct jobs *jobs_create(const struct jobs_options *options, struct error *err);
// Begins no more jobs; those that run go on. Does not wait.
void jobs_stop(struct jobs *jobs);
// Waits for those that run. Takes NULL.
void jobs_destroy(struct jobs *jobs);

struct job_request {
    const void *bytes;  // NULL: of the url
    size_t size;
    const char *url;
    const char *file_name;
    bool is_bulk;
    enum route_quality quality;
};

// On disk when it returns. Errors: those of job_store_add; ERROR_UNAVAILABLE (stopping).
bool jobs_accept(struct jobs *jobs, const struct job_request *request, struct job *job,
                 struct error *err);
// *stage as above. ERROR_NOT_FOUND.
bool jobs_get(struct jobs *jobs, const char *id, struct job *job, const char **stage,
              struct error *err);
// The newest first, of one state or, with JOB_STATE_COUNT, of all. stages[i] belongs to found[i].
bool jobs_list(struct jobs *jobs, enum job_state state, size_t limit, struct job *found,
               const char **stages, size_t *count, struct error *err);
// Forgets a job that waits or is over. ERROR_CONFLICT: it runs.
bool jobs_remove(struct jobs *jobs, const char *id, struct error *err);

struct jobs_figures {
    size_t waiting, running;
};
void jobs_measure(struct jobs *jobs, struct jobs_figures *figures);
