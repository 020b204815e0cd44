// The ledger in a file: FOLDER/costs.db, a database of its own beside the store's (ADR 8).
//
// All calls of a process share one connection under one mutex, and several processes may have the
// same file open: whoever changes something holds SQLite's write lock from its first look to its
// commit, so no two can spend the same money. Reserving waits for no disk: it survives kill -9, and
// a power cut takes at most reservations of calls that nobody was answered. What is settled is on
// disk. Time is this machine's clock, which all these processes share.
#pragma once

#include "cloud/ledger.h"

// Creates the folder and the file where they are not there. ERROR_STORAGE: a file of another
// program, of a newer imgrouter or a damaged one is refused and kept.
struct ledger *sqlite_ledger_create(const char *folder, struct error *err);
// The same, only to look, also beside others that write; what has expired and nobody has told yet
// is under way to it. ERROR_NOT_FOUND when there is none.
struct ledger *sqlite_ledger_create_reader(const char *folder, struct error *err);
