// One server a data folder: the vectors are searched in this process's memory, so a second
// process that writes would make it forget pictures. The kernel drops the lock when we die.
#pragma once

#include "base/error.h"

// Creates and locks `path`. Returns a descriptor for folder_lock_release, -1 with ERROR_CONFLICT
// (another process has it) or ERROR_STORAGE.
int folder_lock_take(const char *path, struct error *err);
void folder_lock_release(int lock);  // takes -1
