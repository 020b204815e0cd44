#include "store/blob_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"

enum { FOLDERS = 256 };  // one for each value of the first byte of the SHA-256

struct blob_folder {
    char *path;
};

static struct blob_folder *allocate(const char *path) {
    struct blob_folder *blobs = memory_alloc(sizeof *blobs);
    blobs->path = memory_copy_text(path);
    return blobs;
}

// "/ab/" and the name come after it.
static bool check_length(const char *path, struct error *err) {
    return strlen(path) + 4 + SHA256_HEX_SIZE < PATH_MAX ||
           error_set(err, ERROR_STORAGE, "the path %.80s… is too long; choose another data folder",
                     path);
}

struct blob_folder *blob_folder_create_reader(const char *path, struct error *err) {
    return check_length(path, err) ? allocate(path) : NULL;
}

// All folders are made and synced at start, so that a put has only its own folder to sync.
struct blob_folder *blob_folder_create(const char *path, struct error *err) {
    if (!check_length(path, err)) return NULL;
    if (!folder_create(path, err)) goto failed;
    for (unsigned i = 0; i < FOLDERS; i++) {
        char folder[PATH_MAX];
        (void)snprintf(folder, sizeof folder, "%s/%02x", path, i);
        if (!folder_create(folder, err)) goto failed;
    }
    if (!folder_sync(path, err)) goto failed;
    if (access(path, W_OK | X_OK) != 0) {
        error_set(err, ERROR_STORAGE, "cannot write to %s: %s", path, strerror(errno));
        goto failed;
    }
    return allocate(path);
failed:
    error_wrap(err, "the folder of the original pictures cannot be used");
    return NULL;
}

void blob_folder_destroy(struct blob_folder *blobs) {
    if (blobs == NULL) return;
    memory_free(blobs->path);
    memory_free(blobs);
}

// 64 lower-case hex digits and nothing else: what passes can never lead out of the folder.
static bool blob_path(const struct blob_folder *blobs, const char *name, char path[static PATH_MAX],
                      struct error *err) {
    size_t length = strspn(name, "0123456789abcdef");
    if (length != SHA256_HEX_SIZE - 1 || name[length] != '\0')
        return error_set(err, ERROR_INTERNAL, "the name of a stored picture is not a SHA-256");
    (void)snprintf(path, PATH_MAX, "%s/%.2s/%s", blobs->path, name, name);
    return true;
}

static bool has_size(const char *path, size_t size) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (size_t)status.st_size == size;
}

bool blob_folder_put(struct blob_folder *blobs, const char *name, const void *bytes, size_t size,
                     struct error *err) {
    char path[PATH_MAX];
    if (!blob_path(blobs, name, path, err)) return false;
    struct error problem = {0};
    if (has_size(path, size)) {
        // Whoever renamed it into place may not have got as far as syncing the folder.
        char *slash = strrchr(path, '/');
        *slash = '\0';
        if (folder_sync(path, &problem)) return true;
    } else if (file_write_atomic(path, bytes, size, &problem)) {
        return true;
    }
    return error_set(err, ERROR_STORAGE, "the picture could not be kept: %s", problem.text);
}

char *blob_folder_get(const struct blob_folder *blobs, const char *name, size_t max_size,
                      size_t *size, struct error *err) {
    char path[PATH_MAX];
    if (!blob_path(blobs, name, path, err)) return NULL;
    char *bytes = file_read_create(path, max_size, size, err);
    if (bytes == NULL) return NULL;
    uint8_t digest[SHA256_SIZE];
    char found[SHA256_HEX_SIZE];
    sha256(bytes, *size, digest);
    sha256_hex(digest, found);
    if (strcmp(found, name) == 0) return bytes;
    memory_free(bytes);
    error_set(err, ERROR_STORAGE,
              "%s has changed on disk: its content is not what was uploaded; restore it from a "
              "backup, or delete the image and upload it again",
              path);
    return NULL;
}

bool blob_folder_remove(struct blob_folder *blobs, const char *name, struct error *err) {
    char path[PATH_MAX];
    if (!blob_path(blobs, name, path, err)) return false;
    if (unlink(path) == 0) return true;
    return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_STORAGE, "cannot delete %s: %s",
                     path, strerror(errno));
}

bool blob_folder_copy(const struct blob_folder *from, struct blob_folder *to, const char *name,
                      size_t size, enum blob_copied *outcome, struct error *err) {
    char path[PATH_MAX];
    struct error problem = {0};
    size_t found;
    *outcome = BLOB_LOST;
    if (!blob_path(to, name, path, err)) return false;
    if (has_size(path, size)) {
        *outcome = BLOB_WAS_THERE;
        return true;
    }
    char *bytes = blob_folder_get(from, name, size, &found, &problem);
    if (bytes == NULL)
        return problem.kind != ERROR_INTERNAL || error_set(err, problem.kind, "%s", problem.text);
    *outcome = BLOB_COPIED;
    bool is_done = blob_folder_put(to, name, bytes, found, err);
    memory_free(bytes);
    return is_done;
}
