// The work of reindex.h, shared between its two files: reindex.c runs it and tells of it,
// reindex_pass.c goes through the pictures.
#pragma once

#include <pthread.h>

#include "service/reindex.h"

enum { REINDEX_PAGE = 32 };  // records read from the store at once

struct reindex_job {
    struct service *service;
    pthread_t thread;
    bool is_started;
    reindex_report *report;
    void *report_context;

    pthread_mutex_t mutex;  // guards what follows; nobody waits while holding it
    pthread_cond_t stops;
    bool is_stopping;
    struct error fault;  // the first of this run; ends it
    struct reindex_progress progress;
    size_t added;  // vectors, in this pass

    pthread_mutex_t list_mutex;  // guards what follows: where the pass is, newest first
    struct store_cursor cursor;
    struct image_record page[REINDEX_PAGE];
    size_t page_count;
    size_t page_next;
    bool has_more;
    // Pictures that cannot be embedded: known from former passes (sorted), then new ones.
    char (*failed)[IMAGE_ID_SIZE];
    size_t failed_count;
    size_t failed_known;
};

// Goes once through the pictures without a vector of the model that runs, and gives each one.
// job->added tells how many. Errors: the store's and the models'; ERROR_UNAVAILABLE when stopped.
bool reindex_pass(struct reindex_job *job, struct error *err);
bool reindex_is_stopping(struct reindex_job *job);
// False when the work is to stop; then at once.
bool reindex_wait(struct reindex_job *job, int64_t ns);
