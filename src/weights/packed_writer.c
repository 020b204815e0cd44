#define _GNU_SOURCE  // memfd_create
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "weights/packed_format.h"

struct packed_writer {
    struct packed_origin origin;
    char *path;  // NULL: in memory
    char *temporary;
    int descriptor;
    struct packed_header header;
    struct packed_record *records;
    size_t capacity;
    size_t offset;  // where the next blob goes
    bool is_published;
};

static bool storage_error(struct error *err, const struct packed_writer *writer,
                          const char *doing) {
    return error_set(err, ERROR_STORAGE, "cannot %s %s: %s", doing,
                     writer->path == NULL ? "memory for packed weights" : writer->temporary,
                     strerror(errno));
}

static bool open_target(struct packed_writer *writer, struct error *err) {
    if (writer->path == NULL) {
        writer->descriptor = memfd_create("packed-weights", MFD_CLOEXEC);
    } else {
        // Left over from a process that was killed; two that write at once lock each other out
        // (packed_lock.h), and where locks do not work the hashes tell a mixture.
        (void)unlink(writer->temporary);
        writer->descriptor =
            open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    return writer->descriptor >= 0 || storage_error(err, writer, "create");
}

struct packed_writer *packed_writer_create(const char *path, const struct packed_origin *origin,
                                           struct error *err) {
    struct packed_writer *writer = memory_alloc(sizeof *writer);
    *writer =
        (struct packed_writer){.origin = *origin, .descriptor = -1, .offset = PACKED_HEADER_SIZE};
    writer->header.magic = PACKED_MAGIC;
    writer->header.version = PACKED_VERSION;
    writer->header.stamp.source = origin->stamp;
    writer->header.stamp.hash = packed_stamp_hash(&writer->header.stamp);
    if (strlen(origin->label) >= sizeof writer->header.label) {
        error_set(err, ERROR_INTERNAL, "the label of packed weights is too long");
        goto fail;
    }
    memcpy(writer->header.label, origin->label, strlen(origin->label));
    if (path != NULL) {
        char temporary[PATH_MAX];
        int length = snprintf(temporary, sizeof temporary, "%s.part", path);
        if (length < 0 || (size_t)length >= sizeof temporary) {
            error_set(err, ERROR_STORAGE, "the path %.80s… is too long", path);
            goto fail;
        }
        writer->path = memory_copy_text(path);
        writer->temporary = memory_copy_text(temporary);
    }
    if (source_hash_read(writer->header.source_hash, &origin->stamp, origin->source, err) &&
        open_target(writer, err))
        return writer;
fail:
    packed_writer_destroy(writer);
    return NULL;
}

static bool write_at(struct packed_writer *writer, const void *bytes, size_t size, size_t offset,
                     struct error *err) {
    const char *from = bytes;
    while (size > 0) {
        ssize_t put = pwrite(writer->descriptor, from, size, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return storage_error(err, writer, "write");
        from += put;
        offset += (size_t)put;
        size -= (size_t)put;
    }
    return true;
}

static struct packed_record *next_record(struct packed_writer *writer, struct error *err) {
    if (writer->header.count == writer->capacity) {
        size_t capacity = writer->capacity == 0 ? 256 : 2 * writer->capacity;
        struct packed_record *grown =
            memory_try_resize(writer->records, capacity, sizeof *writer->records);
        if (grown == NULL || capacity > PACKED_COUNT_MAX) {
            if (grown != NULL) writer->records = grown;
            error_set(err, ERROR_INTERNAL, "out of memory for the table of packed weights");
            return NULL;
        }
        writer->records = grown;
        writer->capacity = capacity;
    }
    return &writer->records[writer->header.count];
}

bool packed_writer_add(struct packed_writer *writer, const char *name, const void *bytes,
                       size_t size_bytes, struct error *err) {
    static const char zeros[PACKED_ALIGNMENT];
    struct packed_record *record = next_record(writer, err);
    if (record == NULL) return false;
    if (strlen(name) >= sizeof record->name)
        return error_set(err, ERROR_INTERNAL, "the name %.80s… is too long", name);
    *record =
        (struct packed_record){.size_bytes = size_bytes, .hash = XXH3_64bits(bytes, size_bytes)};
    memcpy(record->name, name, strlen(name));
    if (!write_at(writer, bytes, size_bytes, writer->offset, err)) return false;
    writer->offset += size_bytes;
    size_t padding = (PACKED_ALIGNMENT - writer->offset % PACKED_ALIGNMENT) % PACKED_ALIGNMENT;
    if (!write_at(writer, zeros, padding, writer->offset, err)) return false;
    writer->offset += padding;
    writer->header.count++;
    return true;
}

struct packed_cache *packed_writer_finish(struct packed_writer *writer, struct error *err) {
    struct packed_header *header = &writer->header;
    size_t table_size = header->count * sizeof *writer->records;
    header->table_offset = writer->offset;
    header->size_bytes = writer->offset + table_size;
    header->table_hash = XXH3_64bits(writer->records, table_size);
    header->hash = packed_header_hash(header);
    if (!write_at(writer, writer->records, table_size, writer->offset, err) ||
        !write_at(writer, header, sizeof *header, 0, err))
        return NULL;
    int descriptor = fcntl(writer->descriptor, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) {
        storage_error(err, writer, "open");
        return NULL;
    }
    return packed_cache_map(descriptor, writer->path, &writer->origin, err);
}

// fsync is not tried again: after a failure nothing is sure.
bool packed_writer_publish(struct packed_writer *writer, struct error *err) {
    if (writer->path == NULL) return true;
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", writer->path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        (void)snprintf(folder, sizeof folder, ".");
    } else {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    if (fsync(writer->descriptor) != 0) return storage_error(err, writer, "sync");
    if (rename(writer->temporary, writer->path) != 0) return storage_error(err, writer, "rename");
    writer->is_published = true;
    return folder_sync(folder, err);
}

void packed_writer_destroy(struct packed_writer *writer) {
    if (writer == NULL) return;
    if (writer->descriptor >= 0) {
        (void)close(writer->descriptor);
        if (writer->temporary != NULL && !writer->is_published) (void)unlink(writer->temporary);
    }
    memory_free(writer->records);
    memory_free(writer->path);
    memory_free(writer->temporary);
    memory_free(writer);
}
