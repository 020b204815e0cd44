// Uploads that were accepted and are done later: DIR/jobs.db, a database of its own, so that it is
// there beside every kind of store. A job and the bytes of its picture are one transaction, on disk
// when job_store_add returns; with the job's end the bytes go. That a job is under way is not
// written down: after a crash it is simply still queued. One process at a time; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "observe/trace_context.h"
#include "store/store.h"

enum {
    JOB_ID_SIZE = 33,     // 32 random hex digits and NUL: who knows one may see the job
    JOB_LIST_MAX = 1000,  // of job_store_list
    JOBS_KEPT = 10000,    // finished ones; older ones are forgotten
    JOBS_KEPT_DAYS = 7,
};

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_STATE_COUNT };
extern const char *const job_state_names[];  // by enum job_state; ends in NULL

struct job {
    int64_t sequence;  // in the order of acceptance; 0: not accepted yet
    char id[JOB_ID_SIZE];
    enum job_state state;                         // the store itself has no JOB_RUNNING
    bool is_bulk;                                 // its priority: after all that are not
    int quality;                                  // an enum route_quality
    char file_name[STORE_NAME_SIZE];              // "": none
    char url[STORE_URL_SIZE];                     // "": its bytes were sent
    char trace_parent[TRACE_PARENT_SIZE];         // of the request that brought it; "": none
    int attempts;                                 // that failed
    int64_t created_ms, started_ms, finished_ms;  // UTC; 0: not yet
    char image_id[IMAGE_ID_SIZE];                 // of what is done
    bool was_known;
    struct error problem;  // of what failed
};

struct job_store;

// Creates the folder and the file where they are not there. ERROR_CONFLICT: another process has
// it; ERROR_STORAGE: a file of another program, of a newer imgrouter or a damaged one is kept.
struct job_store *job_store_open(const char *folder, struct error *err);
void job_store_close(struct job_store *store);  // takes NULL

// Accepts the job, with `bytes` of its picture (NULL where it has a url): fills in sequence, id and
// created_ms. ERROR_OVERLOADED: waiting_max are queued already. ERROR_STORAGE.
bool job_store_add(struct job_store *store, struct job *job, const void *bytes, size_t size,
                   size_t waiting_max, struct error *err);
// The first queued job, interactive ones before bulk, that may begin now and is none of `taken`.
// *bytes are the caller's to free with memory_free. !*is_found: none may; *next_ms is when one may,
// INT64_MAX: none is queued.
bool job_store_next(struct job_store *store, const int64_t *taken, size_t taken_count,
                    struct job *job, char **bytes, size_t *size, bool *is_found, int64_t *next_ms,
                    struct error *err);
// Writes down how it ended (state, started_ms, finished_ms, image_id, was_known, problem) and
// removes the bytes.
bool job_store_finish(struct job_store *store, const struct job *job, struct error *err);
// Lets it wait until not_before_ms, UTC, and keeps its attempts.
bool job_store_postpone(struct job_store *store, const struct job *job, int64_t not_before_ms,
                        struct error *err);
// ERROR_NOT_FOUND.
bool job_store_get(struct job_store *store, const char *id, struct job *job, struct error *err);
// The newest first; `state` JOB_STATE_COUNT: of all states. *count: at most `limit` of them.
bool job_store_list(struct job_store *store, enum job_state state, size_t limit, struct job *jobs,
                    size_t *count, struct error *err);
// The job is as if it had never been. ERROR_NOT_FOUND.
bool job_store_remove(struct job_store *store, const char *id, struct error *err);
// How many are queued. Never waits for the disk, so that health and metrics may ask.
size_t job_store_waiting(const struct job_store *store);
