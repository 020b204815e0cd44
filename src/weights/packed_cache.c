#include "weights/packed_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/memory.h"
#include "weights/packed_format.h"

struct packed_cache {
    const unsigned char *bytes;
    size_t size;
    const struct packed_record *records;  // in the mapping
    size_t count;
};

uint64_t packed_stamp_hash(const struct packed_stamp *stamp) {
    return XXH3_64bits(stamp, offsetof(struct packed_stamp, hash));
}

uint64_t packed_header_hash(const struct packed_header *header) {
    return XXH3_64bits(header, offsetof(struct packed_header, hash));
}

static bool refuse(struct error *err, const char *why) {
    return error_set(err, ERROR_INVALID, "%s", why);
}

// The first bytes of a field of this size are text, the rest, at least one, zeros.
static bool is_padded_text(const char *field, size_t size) {
    size_t length = strnlen(field, size);
    if (length == size) return false;
    for (size_t i = length; i < size; i++)
        if (field[i] != '\0') return false;
    return true;
}

static bool check_header(const struct packed_cache *cache, const struct packed_origin *origin,
                         struct error *err) {
    const struct packed_header *header = (const void *)cache->bytes;
    if (cache->size < sizeof *header || header->magic != PACKED_MAGIC)
        return refuse(err, "it is not a file of packed weights");
    if (header->version != PACKED_VERSION) return refuse(err, "it is of another version");
    if (header->hash != packed_header_hash(header)) return refuse(err, "its header is damaged");
    if (!is_padded_text(header->label, sizeof header->label) ||
        strcmp(header->label, origin->label) != 0)
        return refuse(err, "it was packed for other settings");
    if (header->size_bytes != cache->size) return refuse(err, "it is cut short or too long");
    return true;
}

static bool check_table(struct packed_cache *cache, struct error *err) {
    const struct packed_header *header = (const void *)cache->bytes;
    size_t table_size = header->count * sizeof *cache->records;
    if (header->count > PACKED_COUNT_MAX || table_size > cache->size - sizeof *header ||
        header->table_offset != cache->size - table_size ||
        header->table_offset % PACKED_ALIGNMENT != 0)
        return refuse(err, "the place of its table is impossible");
    cache->records = (const void *)(cache->bytes + header->table_offset);
    cache->count = header->count;
    if (XXH3_64bits(cache->records, table_size) != header->table_hash)
        return refuse(err, "its table is damaged");
    return true;
}

static bool check_blobs(const struct packed_cache *cache, struct error *err) {
    const struct packed_header *header = (const void *)cache->bytes;
    size_t offset = sizeof *header, end = (size_t)header->table_offset;
    for (size_t i = 0; i < cache->count; i++) {
        const struct packed_record *record = &cache->records[i];
        if (!is_padded_text(record->name, sizeof record->name))
            return refuse(err, "a name in its table is damaged");
        if (record->size_bytes > end - offset) return refuse(err, "a blob lies outside it");
        if (XXH3_64bits(cache->bytes + offset, record->size_bytes) != record->hash)
            return refuse(err, "its contents are damaged");
        // Blobs end on the alignment of the next; `end` is aligned, so this stays inside.
        for (offset += record->size_bytes; offset % PACKED_ALIGNMENT != 0; offset++)
            if (cache->bytes[offset] != 0) return refuse(err, "its contents are damaged");
    }
    return offset == end || refuse(err, "it holds more than its table tells");
}

// Best effort: without it the source is read again at the next start.
static void renew_stamp(const struct packed_cache *cache, const char *path,
                        const struct source_stamp *source) {
    struct packed_stamp stamp = {.source = *source};
    stamp.hash = packed_stamp_hash(&stamp);
    struct stat status;
    struct packed_header on_disk;
    int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return;
    // Another process may have put another file in its place.
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
        pread(descriptor, &on_disk, sizeof on_disk, 0) == (ssize_t)sizeof on_disk &&
        memcmp(&on_disk, cache->bytes, offsetof(struct packed_header, stamp)) == 0 &&
        pwrite(descriptor, &stamp, sizeof stamp, offsetof(struct packed_header, stamp)) < 0)
        log_debug("%s: its stamp cannot be renewed: %s", path, strerror(errno));
    (void)close(descriptor);
}

static bool check_source(const struct packed_cache *cache, const char *path,
                         const struct packed_origin *origin, struct error *err) {
    const struct packed_header *header = (const void *)cache->bytes;
    uint8_t hash[SOURCE_HASH_SIZE];
    if (header->stamp.hash == packed_stamp_hash(&header->stamp) &&
        source_stamp_is_same(&header->stamp.source, &origin->stamp))
        return true;
    if (!source_hash_read(hash, &origin->stamp, origin->source, err)) return false;
    if (memcmp(hash, header->source_hash, sizeof hash) != 0)
        return refuse(err, "it was packed from other weights");
    if (path != NULL) renew_stamp(cache, path, &origin->stamp);
    return true;
}

// Whoever may write to the file may make the models say anything.
static bool check_owner(const struct stat *status, struct error *err) {
    if (!S_ISREG(status->st_mode)) return refuse(err, "it is not a regular file");
    if (status->st_uid != geteuid()) return refuse(err, "it belongs to another user");
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) return refuse(err, "others may write to it");
    return true;
}

struct packed_cache *packed_cache_map(int descriptor, const char *path,
                                      const struct packed_origin *origin, struct error *err) {
    struct stat status;
    struct packed_cache *cache = memory_alloc(sizeof *cache);
    bool is_usable = fstat(descriptor, &status) == 0 || refuse(err, strerror(errno));
    if (is_usable && path != NULL) is_usable = check_owner(&status, err);
    if (is_usable && status.st_size < PACKED_HEADER_SIZE)
        is_usable = refuse(err, "it is not a file of packed weights");
    if (is_usable) {
        cache->size = (size_t)status.st_size;
        void *bytes = mmap(NULL, cache->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        is_usable = bytes != MAP_FAILED || refuse(err, strerror(errno));
        if (is_usable) cache->bytes = bytes;
    }
    (void)close(descriptor);
    if (is_usable && check_header(cache, origin, err) && check_table(cache, err) &&
        check_blobs(cache, err) && check_source(cache, path, origin, err)) {
        // Checking has read all of it; only what is used shall count as ours.
        (void)madvise((void *)(uintptr_t)cache->bytes, cache->size, MADV_DONTNEED);
        return cache;
    }
    packed_cache_close(cache);
    return NULL;
}

struct packed_cache *packed_cache_open(const char *path, const struct packed_origin *origin,
                                       struct error *err) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor >= 0) return packed_cache_map(descriptor, path, origin, err);
    error_set(err, errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_INVALID,
              "it cannot be opened: %s", strerror(errno));
    return NULL;
}

void packed_cache_close(struct packed_cache *cache) {
    if (cache == NULL) return;
    if (cache->bytes != NULL) (void)munmap((void *)(uintptr_t)cache->bytes, cache->size);
    memory_free(cache);
}

const void *packed_cache_find(const struct packed_cache *cache, const char *name,
                              size_t *size_bytes) {
    size_t offset = PACKED_HEADER_SIZE;
    for (size_t i = 0; i < cache->count; i++) {
        const struct packed_record *record = &cache->records[i];
        if (strcmp(record->name, name) == 0) {
            *size_bytes = (size_t)record->size_bytes;
            return cache->bytes + offset;
        }
        offset += (size_t)(record->size_bytes + PACKED_ALIGNMENT - 1) / PACKED_ALIGNMENT *
                  PACKED_ALIGNMENT;
    }
    return NULL;
}
