#include "hub/hub_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

enum { MAX_REF_SIZE = 256 };  // bytes of refs/main; it holds 40

bool cache_path_format(char path[static HUB_PATH_SIZE], struct error *err, const char *format,
                       ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, HUB_PATH_SIZE, format, arguments);
    va_end(arguments);
    return (length > 0 && length < HUB_PATH_SIZE) ||
           error_set(err, ERROR_STORAGE, "the path %.80s… is too long", path);
}

// "models--org--name"
static bool repository_name(const struct hub_model *model, char name[static HUB_PATH_SIZE],
                            struct error *err) {
    const char *slash = strchr(model->repository, '/');
    return cache_path_format(name, err, "models--%.*s--%s", (int)(slash - model->repository),
                             model->repository, slash + 1);
}

bool cache_repository_path(const struct hub_settings *settings, const struct hub_model *model,
                           char path[static HUB_PATH_SIZE], struct error *err) {
    char name[HUB_PATH_SIZE];
    return repository_name(model, name, err) &&
           cache_path_format(path, err, "%s/%s", settings->cache, name);
}

bool cache_commit_is_valid(const char *commit) {
    return strlen(commit) == HUB_COMMIT_SIZE - 1 &&
           strspn(commit, "0123456789abcdef") == HUB_COMMIT_SIZE - 1;
}

bool cache_etag_is_valid(const char *etag) {
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    size_t length = strlen(etag);
    return length > 0 && length < HUB_ETAG_SIZE && strspn(etag, allowed) == length;
}

bool cache_read_main(const char *repository_path, char commit[static HUB_COMMIT_SIZE]) {
    char path[HUB_PATH_SIZE];
    size_t size;
    if (!cache_path_format(path, NULL, "%s/refs/main", repository_path)) return false;
    char *text = file_read_create(path, MAX_REF_SIZE, &size, NULL);
    if (text == NULL) return false;
    text[strcspn(text, " \t\r\n")] = '\0';
    bool is_valid = cache_commit_is_valid(text);
    if (is_valid) memcpy(commit, text, HUB_COMMIT_SIZE);
    memory_free(text);
    return is_valid;
}

bool cache_write_main(const char *repository_path, const char *commit, struct error *err) {
    char path[HUB_PATH_SIZE];
    return cache_path_format(path, err, "%s/refs", repository_path) && folder_create(path, err) &&
           cache_path_format(path, err, "%s/refs/main", repository_path) &&
           file_write_atomic(path, commit, strlen(commit), err);
}

int cache_lock(const struct hub_settings *settings, const struct hub_model *model, const char *etag,
               struct error *err) {
    char name[HUB_PATH_SIZE], path[HUB_PATH_SIZE];
    if (!repository_name(model, name, err) ||
        !cache_path_format(path, err, "%s/.locks/%s", settings->cache, name) ||
        !folder_create(path, err) ||
        !cache_path_format(path, err, "%s/.locks/%s/%s.lock", settings->cache, name, etag))
        return -1;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0) {
        error_set(err, ERROR_STORAGE, "cannot create %s: %s", path, strerror(errno));
        return -1;
    }
    int result = flock(lock, LOCK_EX | LOCK_NB);
    if (result != 0 && errno == EWOULDBLOCK) {
        log_info("waiting for another process that is fetching %s", model->repository);
        do result = flock(lock, LOCK_EX);
        while (result != 0 && errno == EINTR);
    }
    if (result == 0) return lock;
    error_set(err, ERROR_STORAGE, "cannot lock %s: %s", path, strerror(errno));
    (void)close(lock);
    return -1;
}

// The lock file stays, as with huggingface_hub: removing it would let two processes hold two
// different files of the same name.
void cache_unlock(int lock) { (void)close(lock); }

bool cache_link(const char *repository_path, const char *commit, const char *file, const char *etag,
                struct error *err) {
    char folder[HUB_PATH_SIZE], path[HUB_PATH_SIZE], temporary[HUB_PATH_SIZE],
        target[HUB_PATH_SIZE];
    if (!cache_path_format(folder, err, "%s/snapshots/%s", repository_path, commit) ||
        !folder_create(folder, err) || !cache_path_format(path, err, "%s/%s", folder, file) ||
        !cache_path_format(temporary, err, "%s/%s.%d.tmp", folder, file, (int)getpid()) ||
        !cache_path_format(target, err, "../../blobs/%s", etag))
        return false;
    (void)unlink(temporary);
    if (symlink(target, temporary) != 0)
        return error_set(err, ERROR_STORAGE,
                         "cannot create the link %s: %s; the model cache needs a file system with "
                         "symbolic links, set HF_HOME to a folder on one",
                         temporary, strerror(errno));
    if (rename(temporary, path) == 0) return folder_sync(folder, err);
    error_set(err, ERROR_STORAGE, "cannot rename a link to %s: %s", path, strerror(errno));
    (void)unlink(temporary);
    return false;
}
