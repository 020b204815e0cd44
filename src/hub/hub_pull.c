// Pulling a model: learn which commit to take, then bring its files one after the other. A file is
// written to blobs/<etag>.incomplete under a lock, hashed when whole, synced and renamed to
// blobs/<etag>, and only then linked into the snapshot: nothing bad ever stands under a final
// name, and whatever kills us leaves something to go on from.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/hub_cache.h"
#include "hub/hub_hash.h"
#include "hub/hub_remote.h"

enum { SPARE_DISK_BYTES = 16 << 20 };  // left free beside the file

struct work {
    const struct hub_pull *pull;
    struct hub_remote remote;
    char repository_path[HUB_PATH_SIZE];
    char commit[HUB_COMMIT_SIZE];
};

// The pinned commit, or the one that "main" is. *is_main: what we take is what "main" is today.
static bool find_commit(struct work *work, bool *is_main, struct error *err) {
    const struct hub_model *model = work->pull->model;
    struct remote_file file;
    bool is_there;
    // Any file of the repository tells the commit; a missing one mostly, too.
    for (size_t i = 0; i < model->file_count; i++) {
        if (!remote_look_up(&work->remote, "main", model->files[i].path, &file, &is_there, err))
            return false;
        if (file.commit[0] == '\0') continue;
        const char *commit = model->commit != NULL ? model->commit : file.commit;
        (void)snprintf(work->commit, sizeof work->commit, "%s", commit);
        *is_main = strcmp(commit, file.commit) == 0;
        return true;
    }
    return error_set(err, ERROR_NOT_FOUND, "the repository %s has none of a model's files",
                     model->repository);
}

// The file on offer must be the one that the catalog lists.
static bool check_offer(const struct work *work, const struct hub_file *file,
                        const struct remote_file *offer, struct error *err) {
    bool has_sha256 = hub_hash_kind_of(offer->etag) == HUB_HASH_SHA256;
    bool is_other =
        (file->size_bytes != 0 && offer->size_bytes != file->size_bytes) ||
        (file->sha256_hex != NULL && has_sha256 && strcasecmp(offer->etag, file->sha256_hex) != 0);
    if (strcmp(offer->commit, work->commit) == 0 && !is_other) return true;
    return error_set(err, ERROR_INVALID,
                     "the hub %s offers another %s of %s than the one that was published; if "
                     "HF_ENDPOINT is a mirror, do not use it",
                     work->pull->settings->endpoint, file->path, work->pull->model->repository);
}

static bool check_space(const char *folder, int64_t needed, struct error *err) {
    struct statvfs status;
    if (statvfs(folder, &status) != 0) return true;  // then writing will tell
    double free_bytes = (double)status.f_bavail * (double)status.f_frsize;
    return free_bytes >= (double)needed + SPARE_DISK_BYTES ||
           error_set(err, ERROR_STORAGE,
                     "the model cache needs %.1f MiB more on the disk of %s, where only %.1f MiB "
                     "are free; make room, or set HF_HOME to another folder",
                     (double)needed / 1048576, folder, free_bytes / 1048576);
}

// *is_good: the file at `path` has the size and every hash that is known of it.
static bool check_contents(const struct hub_file *file, const struct remote_file *offer,
                           const char *path, bool *is_good, struct error *err) {
    struct stat status;
    // Hashing is not shown: it takes seconds where the download took minutes.
    struct hub_hash_watch watch = {.file = file->path};
    *is_good = stat(path, &status) == 0 && status.st_size == offer->size_bytes;
    if (*is_good && !hub_hash_compare(path, offer->etag, &watch, is_good, err)) return false;
    // With a SHA-256 as its tag, check_offer has compared it with the catalog's.
    if (*is_good && file->sha256_hex != NULL && hub_hash_kind_of(offer->etag) != HUB_HASH_SHA256)
        return hub_hash_compare(path, file->sha256_hex, &watch, is_good, err);
    return true;
}

static bool download(struct work *work, const struct hub_file *file,
                     const struct remote_file *offer, const char *path, struct error *err) {
    char folder[HUB_PATH_SIZE];
    struct stat status;
    bool is_done = false;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return error_set(err, ERROR_STORAGE, "cannot create %s: %s", path, strerror(errno));
    int64_t there = fstat(descriptor, &status) == 0 ? status.st_size : 0;
    struct remote_download request = {.path = file->path,
                                      .file = offer,
                                      .descriptor = descriptor,
                                      .progress = work->pull->progress,
                                      .context = work->pull->context};
    if (!cache_path_format(folder, err, "%s/blobs", work->repository_path) ||
        !check_space(folder, offer->size_bytes - there, err) ||
        !remote_download(&work->remote, &request, err))
        goto out;
    is_done = fsync(descriptor) == 0 ||
              error_set(err, ERROR_STORAGE, "cannot write %s: %s", path, strerror(errno));
out:
    (void)close(descriptor);
    return is_done;
}

// Brings the blob, unless it is there and good. The caller holds its lock.
static bool bring_blob(struct work *work, const struct hub_file *file,
                       const struct remote_file *offer, struct error *err) {
    char folder[HUB_PATH_SIZE], blob[HUB_PATH_SIZE], incomplete[HUB_PATH_SIZE];
    bool is_good;
    if (!cache_path_format(folder, err, "%s/blobs", work->repository_path) ||
        !folder_create(folder, err) ||
        !cache_path_format(blob, err, "%s/%s", folder, offer->etag) ||
        !cache_path_format(incomplete, err, "%s/%s.incomplete", folder, offer->etag))
        return false;
    if (file_exists(blob)) {
        if (!check_contents(file, offer, blob, &is_good, err)) return false;
        if (is_good) return true;
        (void)unlink(blob);
    }
    if (!download(work, file, offer, incomplete, err) ||
        !check_contents(file, offer, incomplete, &is_good, err))
        return false;
    if (!is_good) {
        (void)unlink(incomplete);
        return error_set(err, ERROR_INVALID,
                         "%s of %s arrived damaged: its hash is not the one that was announced; "
                         "it was deleted, run the command again",
                         file->path, work->pull->model->repository);
    }
    if (rename(incomplete, blob) != 0)
        return error_set(err, ERROR_STORAGE, "cannot rename a file to %s: %s", blob,
                         strerror(errno));
    return folder_sync(folder, err);
}

// *is_there: the repository has the file, and it is in the snapshot now.
static bool bring_file(struct work *work, const struct hub_file *file, bool *is_there,
                       struct error *err) {
    struct remote_file offer;
    char path[HUB_PATH_SIZE];
    struct stat status;
    if (!remote_look_up(&work->remote, work->commit, file->path, &offer, is_there, err))
        return false;
    if (!*is_there) return true;
    if (!check_offer(work, file, &offer, err) ||
        !cache_path_format(path, err, "%s/snapshots/%s/%s", work->repository_path, work->commit,
                           file->path))
        return false;
    if (stat(path, &status) == 0 && status.st_size == offer.size_bytes) return true;
    int lock = cache_lock(work->pull->settings, work->pull->model, offer.etag, err);
    if (lock < 0) return false;
    bool is_done = bring_blob(work, file, &offer, err) &&
                   cache_link(work->repository_path, work->commit, file->path, offer.etag, err);
    cache_unlock(lock);
    return is_done;
}

static bool set_incomplete(const struct hub_model *model, const char *what, struct error *err) {
    return error_set(err, ERROR_NOT_FOUND,
                     "the repository %s has no %s, so it is no model that this program can use",
                     model->repository, what);
}

static bool bring_files(struct work *work, struct error *err) {
    const struct hub_model *model = work->pull->model;
    bool has_config = false, has_weights = false, is_there;
    for (size_t i = 0; i < model->file_count; i++) {
        const struct hub_file *file = &model->files[i];
        if (file->role == HUB_WEIGHTS && has_weights) continue;
        if (!bring_file(work, file, &is_there, err)) return false;
        if (file->role == HUB_NEEDED && !is_there) return set_incomplete(model, file->path, err);
        has_config = has_config || (file->role == HUB_CONFIG && is_there);
        has_weights = has_weights || (file->role == HUB_WEIGHTS && is_there);
    }
    if (!has_config) return set_incomplete(model, "configuration (config.json)", err);
    return has_weights ||
           set_incomplete(model, "weights (model.safetensors or pytorch_model.bin)", err);
}

bool hub_pull_model(const struct hub_pull *pull, struct error *err) {
    struct work work = {.pull = pull,
                        .remote = {.settings = pull->settings,
                                   .model = pull->model,
                                   .connect_timeout_ms = pull->connect_timeout_ms}};
    bool is_main = false;
    if (pull->settings->is_offline)
        return error_set(err, ERROR_UNAVAILABLE,
                         "the model %s is to be pulled, but HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE "
                         "is set; unset it, or copy the files into a folder and give it with "
                         "--models DIR",
                         pull->model->repository);
    if (!cache_repository_path(pull->settings, pull->model, work.repository_path, err))
        return false;
    work.remote.client = fetch_client_create(err);
    if (work.remote.client == NULL) return false;
    // refs/main comes last: it never names a snapshot that is not whole.
    bool is_done = find_commit(&work, &is_main, err) && bring_files(&work, err) &&
                   (!is_main || cache_write_main(work.repository_path, work.commit, err));
    fetch_client_destroy(work.remote.client);
    return is_done;
}
