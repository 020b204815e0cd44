#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static bool set_system_error(struct error *err, const char *doing, const char *path) {
    enum error_kind kind = errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_STORAGE;
    return error_set(err, kind, "cannot %s %s: %s", doing, path, strerror(errno));
}

// Opens a regular file for reading and tells its size; -1 on failure.
static int open_regular(const char *path, size_t *size, struct error *err) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        set_system_error(err, "open", path);
        return -1;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        set_system_error(err, "look at", path);
    } else if (!S_ISREG(status.st_mode)) {
        error_set(err, ERROR_INVALID, "%s is not a regular file", path);
    } else {
        *size = (size_t)status.st_size;
        return descriptor;
    }
    (void)close(descriptor);
    return -1;
}

char *file_read_create(const char *path, size_t max_size, size_t *size, struct error *err) {
    size_t expected;
    int descriptor = open_regular(path, &expected, err);
    if (descriptor < 0) return NULL;
    char *bytes = NULL;
    bool is_done = false;
    if (expected > max_size) {
        error_set(err, ERROR_TOO_LARGE, "%s has %zu bytes; the limit is %zu", path, expected,
                  max_size);
        goto out;
    }
    bytes = memory_try(expected + 1);
    if (bytes == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory reading %s (%zu bytes)", path, expected);
        goto out;
    }
    size_t used = 0;
    while (used < expected) {
        ssize_t got = read(descriptor, bytes + used, expected - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            set_system_error(err, "read", path);
            goto out;
        }
        if (got == 0) break;  // it shrank while we read: what is there is what it holds
        used += (size_t)got;
    }
    bytes[used] = '\0';
    *size = used;
    is_done = true;
out:
    (void)close(descriptor);
    if (is_done) return bytes;
    memory_free(bytes);
    return NULL;
}

static bool write_all(int descriptor, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t put = write(descriptor, bytes, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

// "/a/b" for "/a/b/c", "." for "c".
static void parent_folder(const char *path, char folder[static PATH_MAX]) {
    (void)snprintf(folder, PATH_MAX, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        (void)snprintf(folder, PATH_MAX, ".");
    } else {
        slash[slash == folder ? 1 : 0] = '\0';
    }
}

bool folder_sync(const char *path, struct error *err) {
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return set_system_error(err, "open the folder", path);
    bool is_done = fsync(descriptor) == 0;
    if (!is_done) set_system_error(err, "sync the folder", path);
    (void)close(descriptor);
    return is_done;
}

bool file_write_atomic(const char *path, const void *bytes, size_t size, struct error *err) {
    static atomic_uint serial;  // two threads may write the same path at once
    char temporary[PATH_MAX], folder[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.%d.%u.tmp", path, (int)getpid(),
                          atomic_fetch_add(&serial, 1));
    if (length < 0 || (size_t)length >= sizeof temporary)
        return error_set(err, ERROR_STORAGE, "the path %.80s… is too long", path);
    parent_folder(path, folder);
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return set_system_error(err, "create", temporary);
    bool is_done = write_all(descriptor, bytes, size) && fsync(descriptor) == 0;
    if (!is_done) set_system_error(err, "write", temporary);
    if (close(descriptor) != 0 && is_done) is_done = set_system_error(err, "close", temporary);
    if (is_done && rename(temporary, path) != 0)
        is_done = set_system_error(err, "rename a file to", path);
    if (!is_done) {
        (void)unlink(temporary);
        return false;
    }
    return folder_sync(folder, err);
}

bool folder_create(const char *path, struct error *err) {
    char part[PATH_MAX], parent[PATH_MAX];
    if (path[0] == '\0' || strlen(path) >= sizeof part)
        return error_set(err, ERROR_STORAGE,
                         "cannot create a folder: its path is empty or too long");
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *c = part + 1;; c++) {
        if (*c != '/' && *c != '\0') continue;
        char kept = *c;
        *c = '\0';
        bool is_new = mkdir(part, 0700) == 0;
        if (!is_new && errno != EEXIST) return set_system_error(err, "create the folder", part);
        parent_folder(part, parent);
        if (is_new && !folder_sync(parent, err)) return false;  // or a power cut may take it back
        *c = kept;
        if (kept == '\0') break;
    }
    struct stat status;
    if (stat(path, &status) != 0) return set_system_error(err, "look at", path);
    if (!S_ISDIR(status.st_mode))
        return error_set(err, ERROR_STORAGE, "%s is in the way: it is not a folder", path);
    return true;
}

bool file_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, R_OK) == 0;
}

bool mapped_file_open(struct mapped_file *file, const char *path, struct error *err) {
    *file = (struct mapped_file){0};
    size_t size;
    int descriptor = open_regular(path, &size, err);
    if (descriptor < 0) return false;
    bool is_done = true;
    if (size > 0) {
        void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        is_done = bytes != MAP_FAILED || set_system_error(err, "map", path);
        if (is_done) *file = (struct mapped_file){.bytes = bytes, .size = size};
    }
    (void)close(descriptor);
    return is_done;
}

void mapped_file_close(struct mapped_file *file) {
    if (file->bytes != NULL) (void)munmap((void *)(uintptr_t)file->bytes, file->size);
    *file = (struct mapped_file){0};
}

void mapped_file_forget(const struct mapped_file *file, size_t offset, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = (offset + page - 1) / page * page;
    size_t end = (offset + size) / page * page;
    if (first >= end || end > file->size) return;
    (void)madvise((void *)(uintptr_t)(file->bytes + first), end - first, MADV_DONTNEED);
}
