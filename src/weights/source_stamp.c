#include "weights/source_stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"

enum { CHUNK_BYTES = 1024 * 1024 };

static int64_t nanoseconds(struct timespec time) {
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool system_error(struct error *err, const char *path) {
    enum error_kind kind = errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_STORAGE;
    return error_set(err, kind, "cannot read %s: %s", path, strerror(errno));
}

static bool take_stamp(struct source_stamp *stamp, const struct stat *status, const char *path,
                       struct error *err) {
    if (!S_ISREG(status->st_mode))
        return error_set(err, ERROR_INVALID, "%s is not a regular file", path);
    *stamp = (struct source_stamp){.device = (uint64_t)status->st_dev,
                                   .inode = (uint64_t)status->st_ino,
                                   .size_bytes = (uint64_t)status->st_size,
                                   .modified_ns = nanoseconds(status->st_mtim),
                                   .changed_ns = nanoseconds(status->st_ctim)};
    return true;
}

bool source_stamp_read(struct source_stamp *stamp, const char *path, struct error *err) {
    struct stat status;
    if (stat(path, &status) != 0) return system_error(err, path);
    return take_stamp(stamp, &status, path, err);
}

bool source_stamp_is_same(const struct source_stamp *a, const struct source_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static bool hash_descriptor(XXH3_state_t *state, int descriptor, const char *path,
                            struct error *err) {
    unsigned char *chunk = memory_try(CHUNK_BYTES);
    if (chunk == NULL) return error_set(err, ERROR_INTERNAL, "out of memory reading %s", path);
    ssize_t got;
    while ((got = read(descriptor, chunk, CHUNK_BYTES)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        (void)XXH3_128bits_update(state, chunk, (size_t)got);
    }
    if (got < 0) system_error(err, path);
    memory_free(chunk);
    return got == 0;
}

bool source_hash_read(uint8_t hash[static SOURCE_HASH_SIZE], const struct source_stamp *stamp,
                      const char *path, struct error *err) {
    struct stat status;
    struct source_stamp found = {0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return system_error(err, path);
    XXH3_state_t *state = XXH3_createState();
    bool is_done = state != NULL || error_set(err, ERROR_INTERNAL, "out of memory for a hash");
    if (is_done) {
        (void)XXH3_128bits_reset(state);
        is_done = hash_descriptor(state, descriptor, path, err);
    }
    // Looked at after reading: what changed meanwhile shows.
    if (is_done && fstat(descriptor, &status) != 0) is_done = system_error(err, path);
    is_done = is_done && take_stamp(&found, &status, path, err);
    if (is_done && !source_stamp_is_same(&found, stamp))
        is_done = error_set(err, ERROR_CONFLICT, "%s changed while it was read; try again", path);
    if (is_done) {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
        memcpy(hash, canonical.digest, SOURCE_HASH_SIZE);
    }
    (void)XXH3_freeState(state);
    (void)close(descriptor);
    return is_done;
}
