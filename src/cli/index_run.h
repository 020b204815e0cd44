// Takes files from a source to a target on several threads, and writes down what became of each.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "cli/index_report.h"
#include "cli/index_target.h"
#include "store/index_ledger.h"

// The next file, or one that cannot be looked into (*fault says why). False at the end, or with a
// *fault that ends the run. Called by one thread at a time.
typedef bool index_source(void *context, struct ledger_entry *found, struct error *fault);

struct index_run {
    // Set by the owner.
    index_source *source;
    void *context;
    struct index_target *target;
    struct index_ledger *ledger;
    struct index_report *report;
    size_t max_bytes;   // of a picture
    bool forgets_gone;  // files that are not there leave the ledger: of a retry

    // Of the run itself.
    pthread_mutex_t mutex;  // of the source and `problem`
    bool is_at_end;
    struct error problem;  // what stopped the run; of kind ERROR_NONE: nothing
    atomic_bool is_stopping;
    pthread_t *threads;
    size_t thread_count;
    atomic_size_t running;  // threads that are not through
};

// Starts the threads. False when none could be started.
bool index_run_start(struct index_run *run, struct error *err);
// What is begun is finished, nothing else.
void index_run_stop(struct index_run *run);
bool index_run_is_done(struct index_run *run);
// Waits for the threads; false with what stopped the run, when not index_run_stop did.
bool index_run_finish(struct index_run *run, struct error *err);
