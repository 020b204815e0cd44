// The files of some folders, one after the other. Symbolic links are not followed, so that no walk
// leaves its folder or goes in circles; names that begin with a dot are left out, and so is the
// data folder, whose pictures are stored already.
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "store/index_ledger.h"

struct index_walk;

// `roots` are borrowed: folders, or single files. `left_out` is a folder that is not walked.
struct index_walk *index_walk_create(char **roots, size_t root_count, const char *left_out);
void index_walk_destroy(struct index_walk *walk);
// Fills in path, name_start, size_bytes and modified_ns of the next regular file, or of something
// that cannot be looked into, and then *fault says why. False at the end.
bool index_walk_next(struct index_walk *walk, struct ledger_entry *found, struct error *fault);
