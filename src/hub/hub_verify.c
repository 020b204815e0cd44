// Checks the files of a model that are there. What they should hash to is known from the catalog,
// else from the cache, where a file is a link to a blob that is named by its hash.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/hub_cache.h"
#include "hub/hub_hash.h"

// The name of the blob that the file links to; empty when it is no such link.
static void blob_name(const char *path, char name[static HUB_ETAG_SIZE]) {
    char target[HUB_PATH_SIZE];
    name[0] = '\0';
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length <= 0) return;
    target[length] = '\0';
    const char *found = strstr(target, "blobs/");
    if (found != NULL && cache_etag_is_valid(found + 6))
        (void)snprintf(name, HUB_ETAG_SIZE, "%s", found + 6);
}

// A snapshot of another commit than the catalog's may well hold other files.
static bool is_of_other_version(const struct hub_model *model, const char *folder) {
    return model->commit != NULL && strstr(folder, "/snapshots/") != NULL &&
           strstr(folder, model->commit) == NULL;
}

static bool set_damaged(const char *path, struct error *err) {
    return error_set(err, ERROR_INVALID,
                     "%s is not the file that was published: it is damaged or of another version; "
                     "delete it and run \"imgrouter models pull\" again",
                     path);
}

bool hub_verify(const struct hub_model *model, const char *folder, size_t *checked,
                hub_progress *progress, void *context, struct error *err) {
    *checked = 0;
    bool is_listed = !is_of_other_version(model, folder);
    for (size_t i = 0; i < model->file_count; i++) {
        const struct hub_file *file = &model->files[i];
        char path[HUB_PATH_SIZE], name[HUB_ETAG_SIZE];
        struct stat status;
        if (!cache_path_format(path, err, "%s/%s", folder, file->path)) return false;
        if (stat(path, &status) != 0) {
            if (errno == ENOENT) continue;
            return error_set(err, ERROR_STORAGE, "cannot look at %s: %s", path, strerror(errno));
        }
        blob_name(path, name);
        const char *hex = is_listed && file->sha256_hex != NULL ? file->sha256_hex : name;
        if (hub_hash_kind_of(hex) == HUB_HASH_NONE) continue;
        if (is_listed && file->size_bytes != 0 && status.st_size != file->size_bytes)
            return set_damaged(path, err);
        struct hub_hash_watch watch = {progress, context, file->path};
        bool is_equal;
        if (!hub_hash_compare(path, hex, &watch, &is_equal, err)) return false;
        if (!is_equal) return set_damaged(path, err);
        (*checked)++;
    }
    return true;
}
