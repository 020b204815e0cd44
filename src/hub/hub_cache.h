// The hub's cache on disk, shared with Python's huggingface_hub:
//   <cache>/models--<org>--<name>/blobs/<etag>              the bytes
//                                 snapshots/<commit>/<file>  -> ../../blobs/<etag>
//                                 refs/main                  the commit that "main" is
//   <cache>/.locks/models--<org>--<name>/<etag>.lock
#pragma once

#include "hub/hub.h"

enum { HUB_COMMIT_SIZE = 41, HUB_ETAG_SIZE = 129 };  // bytes with the NUL

// printf into a path; false with ERROR_STORAGE when it does not fit.
bool cache_path_format(char path[static HUB_PATH_SIZE], struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// <cache>/models--<org>--<name>
bool cache_repository_path(const struct hub_settings *settings, const struct hub_model *model,
                           char path[static HUB_PATH_SIZE], struct error *err);

// 40 lower-case hex digits, as commits are; they become folder names.
bool cache_commit_is_valid(const char *commit);
// Letters, digits and '-', as entity tags of the hub are; they become file names.
bool cache_etag_is_valid(const char *etag);

// refs/main of the repository. False, without an error, when there is none.
bool cache_read_main(const char *repository_path, char commit[static HUB_COMMIT_SIZE]);
bool cache_write_main(const char *repository_path, const char *commit, struct error *err);

// Waits until no other process works on this blob; the descriptor is given to cache_unlock.
// -1 on failure.
int cache_lock(const struct hub_settings *settings, const struct hub_model *model, const char *etag,
               struct error *err);
void cache_unlock(int lock);

// Lets snapshots/<commit>/<file> point at the blob, replacing what was there.
bool cache_link(const char *repository_path, const char *commit, const char *file, const char *etag,
                struct error *err);
