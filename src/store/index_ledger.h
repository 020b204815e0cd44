// What `imgrouter index` has done with which file: DIR/index-ledger.db, a database of its own, so
// that it is there beside every kind of store and beside a running server. A ledger can be lost
// without harm: pictures that are stored are found to be known. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

enum { LEDGER_PATH_SIZE = 4096 };

struct ledger_entry {
    char path[LEDGER_PATH_SIZE];  // whole; any bytes
    size_t name_start;            // where in `path` the name begins that the picture is given
    int64_t size_bytes;
    int64_t modified_ns;           // since 1970, as the file system has it
    bool is_done;                  // false: failed
    char target[STORE_URL_SIZE];   // where the picture went: a kind of store, or a server
    char image_id[IMAGE_ID_SIZE];  // of what is done
    char reason[ERROR_TEXT_SIZE];  // of what failed: a sentence
};

struct index_ledger;

// Creates the folder and the file where they are not there. Errors: ERROR_STORAGE; a file of
// another program, of a newer imgrouter or a damaged one is refused and kept.
struct index_ledger *index_ledger_open(const char *folder, struct error *err);
void index_ledger_close(struct index_ledger *ledger);  // takes NULL

// *is_done: this very file, of this size and time, went to entry->target before.
bool index_ledger_look_up(struct index_ledger *ledger, const struct ledger_entry *entry,
                          bool *is_done, struct error *err);
// In place of what was said of the path before. Survives kill -9; a power cut may take back the
// last few.
bool index_ledger_write(struct index_ledger *ledger, const struct ledger_entry *entry,
                        struct error *err);
bool index_ledger_forget(struct index_ledger *ledger, const char *path, struct error *err);
// Moves *entry on to the next failed file in the order of paths; an empty path begins. *is_found is
// false at the end.
bool index_ledger_next_failed(struct index_ledger *ledger, struct ledger_entry *entry,
                              bool *is_found, struct error *err);
