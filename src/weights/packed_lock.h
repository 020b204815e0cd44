// Lets one process pack a model while others that want the same wait for it.
#pragma once

#include <stdbool.h>

// Locks the file "<path>.lock", which stays; gives up after patience_s seconds. Where the file
// system cannot lock, the lock is taken to be ours: a mixture of two writers' files shows in its
// hashes. False: the caller should do without the cache.
bool packed_lock_take(const char *path, unsigned patience_s, int *lock);
void packed_lock_release(int lock);
