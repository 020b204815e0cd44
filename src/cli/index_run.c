#include "cli/index_run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cli/index_file.h"

enum {
    RETRY_PAUSE_MS = 500,
    RETRIES_MAX = 120,                 // a minute of a full queue or a busy database
    THREAD_STACK_BYTES = 1024 * 1024,  // as the handlers of the http room: decoders run there
};

// Files that one thread has at work: as many as the target takes in one call.
struct chunk {
    struct ledger_entry *entries;
    struct index_picture *pictures;  // of the first `count` entries, once they are read
    size_t capacity;
    size_t count;
};

// What was captioned for less is done again when the best is asked for.
static void set_target(const struct index_run *run, struct ledger_entry *entry) {
    bool is_best = run->target->quality == QUALITY_HIGH;
    (void)snprintf(entry->target, sizeof entry->target, "%s%s", run->target->name,
                   is_best ? ", quality high" : "");
}

static void stop_with(struct index_run *run, const struct error *problem) {
    (void)pthread_mutex_lock(&run->mutex);
    error_set(&run->problem, problem->kind, "%s", problem->text);
    (void)pthread_mutex_unlock(&run->mutex);
    atomic_store(&run->is_stopping, true);
}

static void write_down(struct index_run *run, struct ledger_entry *entry) {
    struct error problem = {0};
    set_target(run, entry);
    if (!index_ledger_write(run->ledger, entry, &problem)) stop_with(run, &problem);
}

static void fail(struct index_run *run, struct ledger_entry *entry, const struct error *reason) {
    entry->is_done = false;
    (void)snprintf(entry->reason, sizeof entry->reason, "%s", reason->text);
    write_down(run, entry);
    index_report_file(run->report, STATE_FAILED, entry, NULL);
}

static void forget(struct index_run *run, struct ledger_entry *entry, const char *why) {
    struct error problem = {0};
    (void)snprintf(entry->reason, sizeof entry->reason, "%s", why);
    if (!index_ledger_forget(run->ledger, entry->path, &problem)) stop_with(run, &problem);
    index_report_file(run->report, STATE_SKIPPED, entry, NULL);
}

static bool was_done_before(struct index_run *run, struct ledger_entry *entry) {
    struct error problem = {0};
    bool is_done = false;
    set_target(run, entry);
    if (!index_ledger_look_up(run->ledger, entry, &is_done, &problem)) stop_with(run, &problem);
    if (is_done) index_report_file(run->report, STATE_UNCHANGED, entry, NULL);
    return is_done;
}

// The next file worth reading. False at the end, and when the run stops.
static bool next_file(struct index_run *run, struct ledger_entry *entry) {
    for (;;) {
        struct error fault = {0};
        bool is_found = false;
        (void)pthread_mutex_lock(&run->mutex);
        if (!run->is_at_end && !atomic_load(&run->is_stopping)) {
            is_found = run->source(run->context, entry, &fault);
            run->is_at_end = !is_found;
        }
        (void)pthread_mutex_unlock(&run->mutex);
        if (!is_found && fault.kind != ERROR_NONE) stop_with(run, &fault);
        if (!is_found) return false;
        if (fault.kind != ERROR_NONE)
            fail(run, entry, &fault);
        else if (!was_done_before(run, entry) && !atomic_load(&run->is_stopping))
            return true;
    }
}

// True: *picture is ready for the target. Else the file is dealt with.
static bool read_picture(struct index_run *run, struct ledger_entry *entry,
                         struct index_picture *picture) {
    struct error reason = {0};
    char *bytes;
    size_t size;
    switch (index_file_read(entry, run->max_bytes, &bytes, &size, &reason)) {
        case INDEX_FILE_PICTURE:
            *picture = (struct index_picture){
                .name = entry->path + entry->name_start, .bytes = bytes, .size = size};
            return true;
        case INDEX_FILE_OTHER:  // it may have failed to be read before
            forget(run, entry, "");
            return false;
        case INDEX_FILE_GONE:
            error_set(&reason, ERROR_NOT_FOUND, "the file vanished before it was read");
            if (run->forgets_gone) {
                forget(run, entry, "the file is gone; forgotten");
                return false;
            }
            break;
        case INDEX_FILE_BAD:
            break;
    }
    fail(run, entry, &reason);
    return false;
}

static void chunk_fill(struct index_run *run, struct chunk *chunk) {
    size_t bytes = 0;
    chunk->count = 0;
    while (chunk->count < chunk->capacity && (bytes == 0 || bytes < run->target->bytes_max)) {
        struct ledger_entry *entry = &chunk->entries[chunk->count];
        if (!next_file(run, entry)) return;
        if (!read_picture(run, entry, &chunk->pictures[chunk->count])) continue;
        bytes += chunk->pictures[chunk->count].size;
        chunk->count++;
    }
}

static void settle(struct index_run *run, struct ledger_entry *entry,
                   const struct index_picture *picture) {
    bool is_left_over = picture->outcome == INDEX_AGAIN && atomic_load(&run->is_stopping);
    if (is_left_over) return;  // the next run takes it
    switch (picture->outcome) {
        case INDEX_NEW:
        case INDEX_KNOWN:
            entry->is_done = true;
            memcpy(entry->image_id, picture->id, sizeof entry->image_id);
            write_down(run, entry);
            index_report_file(run->report, picture->outcome == INDEX_NEW ? STATE_NEW : STATE_KNOWN,
                              entry, picture->caption);
            break;
        case INDEX_FAILED:
            fail(run, entry, &picture->reason);
            break;
        case INDEX_AGAIN:  // for so long that it is no passing trouble
        case INDEX_STOP:
            stop_with(run, &picture->reason);
            break;
    }
}

// Moves those that are to be tried again to the front; settles the others.
static void chunk_settle(struct index_run *run, struct chunk *chunk, bool is_last_try) {
    size_t left = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        struct index_picture *picture = &chunk->pictures[i];
        struct ledger_entry *entry = &chunk->entries[i];
        if (picture->outcome != INDEX_AGAIN || is_last_try) {
            settle(run, entry, picture);
            memory_free((char *)picture->bytes);
            continue;
        }
        if (left < i) {
            chunk->entries[left] = *entry;
            chunk->pictures[left] = *picture;
            chunk->pictures[left].name = chunk->entries[left].path + entry->name_start;
        }
        left++;
    }
    chunk->count = left;
}

static void chunk_ingest(struct index_run *run, struct chunk *chunk) {
    static const struct timespec pause = {.tv_nsec = RETRY_PAUSE_MS * 1000000L};
    for (int tries = 0; chunk->count > 0; tries++) {
        if (tries > 0) (void)nanosleep(&pause, NULL);
        run->target->ingest(run->target, chunk->pictures, chunk->count);
        chunk_settle(run, chunk, tries == RETRIES_MAX || atomic_load(&run->is_stopping));
    }
}

static void work_through(struct index_run *run, struct chunk *chunk) {
    while (!atomic_load(&run->is_stopping)) {
        chunk_fill(run, chunk);
        if (chunk->count == 0) return;
        chunk_ingest(run, chunk);
    }
}

static void *work(void *context) {
    struct index_run *run = context;
    size_t capacity = run->target->pictures_max;
    struct chunk chunk = {.entries = memory_try_zeroed(capacity, sizeof *chunk.entries),
                          .pictures = memory_try_zeroed(capacity, sizeof *chunk.pictures),
                          .capacity = capacity};
    if (chunk.entries == NULL || chunk.pictures == NULL) {
        struct error problem = {0};
        error_set(&problem, ERROR_INTERNAL, "out of memory");
        stop_with(run, &problem);
    } else {
        work_through(run, &chunk);
    }
    memory_free(chunk.entries);
    memory_free(chunk.pictures);
    atomic_fetch_sub(&run->running, 1);
    return NULL;
}

bool index_run_start(struct index_run *run, struct error *err) {
    size_t wanted = run->target->threads;
    pthread_attr_t attributes;
    (void)pthread_mutex_init(&run->mutex, NULL);
    run->threads = memory_try_zeroed(wanted, sizeof *run->threads);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    while (run->threads != NULL && run->thread_count < wanted) {
        atomic_fetch_add(&run->running, 1);
        if (pthread_create(&run->threads[run->thread_count], &attributes, work, run) != 0) {
            atomic_fetch_sub(&run->running, 1);
            break;
        }
        run->thread_count++;
    }
    pthread_attr_destroy(&attributes);
    return run->thread_count > 0 || error_set(err, ERROR_INTERNAL, "no thread can be started");
}

void index_run_stop(struct index_run *run) { atomic_store(&run->is_stopping, true); }

bool index_run_is_done(struct index_run *run) { return atomic_load(&run->running) == 0; }

bool index_run_finish(struct index_run *run, struct error *err) {
    for (size_t i = 0; i < run->thread_count; i++) pthread_join(run->threads[i], NULL);
    memory_free(run->threads);
    (void)pthread_mutex_destroy(&run->mutex);
    return run->problem.kind == ERROR_NONE ||
           error_set(err, run->problem.kind, "%s", run->problem.text);
}
