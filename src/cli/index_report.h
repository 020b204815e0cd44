// What `imgrouter index` says while it runs and when it is done. Any thread.
#pragma once

#include <pthread.h>

#include "cli/progress_bar.h"
#include "store/index_ledger.h"

enum index_state {
    STATE_NEW,
    STATE_KNOWN,
    STATE_UNCHANGED,  // done before, as the ledger says
    STATE_SKIPPED,    // not a picture
    STATE_FAILED,
    STATE_COUNT
};

struct index_report {
    bool is_json;
    int64_t total;  // files there are; 0: not counted
    pthread_mutex_t mutex;
    struct progress_bar bar;
    int64_t counts[STATE_COUNT];
    int64_t started_ns;
};

// Counting the files beforehand is worth it only when a bar is shown.
bool index_report_init(struct index_report *report, bool is_json);  // true: it is
void index_report_clear(struct index_report *report);
void index_report_start(struct index_report *report, int64_t total);
// One more file. The entry has its id or its reason; `caption` is of new and known ones.
void index_report_file(struct index_report *report, enum index_state state,
                       const struct ledger_entry *entry, const char *caption);
void index_report_summary(struct index_report *report);
// A row of the list of failures.
void index_report_failure(const struct ledger_entry *entry, bool is_json);
