// Records and field offsets are those of PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 (local header),
// 4.3.12 (central directory), 4.3.14-16 (end records, with the 64-bit ones), 4.5.3 (zip64 extra).
// All numbers in them are little-endian. The end record must close the file, the directory must lie
// right before it, and the entries before the directory.
#include "weights/zip_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LOCAL_HEADER_BYTES = 30,
    DIRECTORY_ENTRY_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    FLAG_ENCRYPTED = 1 << 0,
    FLAGS_ALLOWED = 1 << 3 | 1 << 11,  // sizes follow the data; the name is UTF-8
    EXTRA_ZIP64 = 1
};
static const uint32_t LOCAL_HEADER = 0x04034B50, DIRECTORY_ENTRY = 0x02014B50, END = 0x06054B50,
                      END64 = 0x06064B50, LOCATOR64 = 0x07064B50;
static const uint32_t IN_EXTRA = 0xFFFFFFFF;  // "see the zip64 record"

struct directory_place {
    size_t offset, end, count;
};

static uint16_t read_u16(const unsigned char *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t read_u32(const unsigned char *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t read_u64(const unsigned char *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

// PyTorch writes the 64-bit end records into every file, however small: where they are, they hold.
static bool find_directory(const unsigned char *bytes, size_t size, struct directory_place *place,
                           struct error *err) {
    if (size < END_BYTES || read_u32(bytes + size - END_BYTES) != END ||
        read_u16(bytes + size - 2) != 0)
        return error_set(err, ERROR_INVALID,
                         "the zip has no directory at its end; the file is cut short or damaged");
    const unsigned char *end = bytes + size - END_BYTES;
    size_t end_offset = size - END_BYTES;
    uint64_t parts = (uint64_t)read_u16(end + 4) | read_u16(end + 6);
    uint64_t count = read_u16(end + 10), count_here = read_u16(end + 8);
    uint64_t length = read_u32(end + 12), offset = read_u32(end + 16);
    if (end_offset >= LOCATOR64_BYTES && read_u32(end - LOCATOR64_BYTES) == LOCATOR64) {
        const unsigned char *locator = end - LOCATOR64_BYTES;
        uint64_t end64_offset = read_u64(locator + 8);
        size_t locator_offset = end_offset - LOCATOR64_BYTES;
        if (locator_offset < END64_BYTES || end64_offset != locator_offset - END64_BYTES ||
            read_u32(bytes + end64_offset) != END64 || read_u32(locator + 4) != 0 ||
            read_u32(locator + 16) > 1)
            return error_set(err, ERROR_INVALID, "the zip's 64-bit end record is damaged");
        const unsigned char *end64 = bytes + end64_offset;
        end_offset = (size_t)end64_offset;
        parts = (uint64_t)read_u32(end64 + 16) | read_u32(end64 + 20);
        count_here = read_u64(end64 + 24);
        count = read_u64(end64 + 32);
        length = read_u64(end64 + 40);
        offset = read_u64(end64 + 48);
    }
    if (parts != 0 || count_here != count)
        return error_set(err, ERROR_UNSUPPORTED, "the zip is one part of several");
    if (offset > end_offset || length != end_offset - offset ||
        count > length / DIRECTORY_ENTRY_BYTES)
        return error_set(err, ERROR_INVALID, "the zip's directory is not where its end says");
    *place = (struct directory_place){(size_t)offset, end_offset, (size_t)count};
    return true;
}

// The sizes and the offset of an entry that do not fit in 32 bits stand in a zip64 extra field, in
// this order, each only if the plain field says IN_EXTRA.
static bool read_zip64_fields(const unsigned char *extra, size_t size, uint64_t *fields[static 3]) {
    while (size >= 4) {
        size_t block = read_u16(extra + 2);
        if (block > size - 4) return false;
        const unsigned char *next = extra + 4;
        if (read_u16(extra) == EXTRA_ZIP64) {
            size_t left = block;
            for (int i = 0; i < 3; i++) {
                if (*fields[i] != IN_EXTRA) continue;
                if (left < sizeof(uint64_t)) return false;
                *fields[i] = read_u64(next);
                next += sizeof(uint64_t);
                left -= sizeof(uint64_t);
            }
            return true;
        }
        extra += 4 + block;
        size -= 4 + block;
    }
    return *fields[0] != IN_EXTRA && *fields[1] != IN_EXTRA && *fields[2] != IN_EXTRA;
}

// Where the data begins depends on the local header, whose extra field is not the directory's.
static bool read_local_header(const unsigned char *bytes, size_t limit, uint64_t header_offset,
                              uint64_t data_size, struct zip_entry *entry, struct error *err) {
    if (header_offset > limit || limit - header_offset < LOCAL_HEADER_BYTES)
        return error_set(err, ERROR_INVALID, "a zip entry lies outside the file");
    const unsigned char *local = bytes + header_offset;
    size_t header_size =
        LOCAL_HEADER_BYTES + (size_t)read_u16(local + 26) + (size_t)read_u16(local + 28);
    size_t room = limit - (size_t)header_offset;
    if (header_size > room || data_size > room - header_size)
        return error_set(err, ERROR_INVALID, "a zip entry lies outside the file");
    if (read_u32(local) != LOCAL_HEADER || read_u16(local + 8) != 0 ||
        read_u16(local + 26) != entry->name_size ||
        memcmp(local + LOCAL_HEADER_BYTES, entry->name, entry->name_size) != 0)
        return error_set(err, ERROR_INVALID, "a zip entry and the directory contradict each other");
    entry->header_offset = (size_t)header_offset;
    entry->offset = (size_t)header_offset + header_size;
    entry->size = (size_t)data_size;
    return true;
}

// Reads the directory's entry at *cursor and moves the cursor behind it.
static bool read_entry(const unsigned char *bytes, const struct directory_place *place,
                       size_t *cursor, struct zip_entry *entry, struct error *err) {
    const unsigned char *record = bytes + *cursor;
    size_t room = place->end - *cursor;
    if (room < DIRECTORY_ENTRY_BYTES || read_u32(record) != DIRECTORY_ENTRY)
        return error_set(err, ERROR_INVALID, "the zip's directory is damaged");
    size_t name_size = read_u16(record + 28), extra_size = read_u16(record + 30);
    size_t record_size =
        DIRECTORY_ENTRY_BYTES + name_size + extra_size + (size_t)read_u16(record + 32);
    if (record_size > room) return error_set(err, ERROR_INVALID, "the zip's directory is damaged");
    unsigned flags = read_u16(record + 8), method = read_u16(record + 10);
    if ((flags & FLAG_ENCRYPTED) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "the zip is encrypted");
    if (method != 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the zip is compressed; PyTorch writes its entries uncompressed");
    if ((flags & ~(unsigned)FLAGS_ALLOWED) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "the zip uses the unknown flags 0x%04x", flags);
    uint64_t stored = read_u32(record + 20), plain = read_u32(record + 24),
             header_offset = read_u32(record + 42);
    uint64_t *fields[3] = {&plain, &stored, &header_offset};
    if (!read_zip64_fields(record + DIRECTORY_ENTRY_BYTES + name_size, extra_size, fields) ||
        plain != stored || read_u16(record + 34) != 0)
        return error_set(err, ERROR_INVALID, "the zip's directory contradicts itself");
    entry->name = (const char *)record + DIRECTORY_ENTRY_BYTES;
    entry->name_size = name_size;
    entry->crc32 = read_u32(record + 16);
    *cursor += record_size;
    return read_local_header(bytes, place->offset, header_offset, plain, entry, err);
}

static int compare_places(const void *a, const void *b) {
    const struct zip_entry *first = a, *second = b;
    return (first->header_offset > second->header_offset) -
           (first->header_offset < second->header_offset);
}

static int compare_names(const void *a, const void *b) {
    const struct zip_entry *first = a, *second = b;
    size_t shorter = first->name_size < second->name_size ? first->name_size : second->name_size;
    int order = shorter == 0 ? 0 : memcmp(first->name, second->name, shorter);
    if (order != 0) return order;
    return (first->name_size > second->name_size) - (first->name_size < second->name_size);
}

static bool check_entries(struct zip_directory *directory, struct error *err) {
    struct zip_entry *entries = directory->entries;
    if (directory->count == 0) return error_set(err, ERROR_INVALID, "the zip is empty");
    qsort(entries, directory->count, sizeof *entries, compare_places);
    for (size_t i = 1; i < directory->count; i++) {
        if (entries[i].header_offset < entries[i - 1].offset + entries[i - 1].size)
            return error_set(err, ERROR_INVALID, "two entries of the zip overlap");
    }
    qsort(entries, directory->count, sizeof *entries, compare_names);
    for (size_t i = 1; i < directory->count; i++) {
        if (compare_names(&entries[i - 1], &entries[i]) == 0)
            return error_set(err, ERROR_INVALID, "two entries of the zip have the same name");
    }
    return true;
}

bool zip_directory_read(struct zip_directory *directory, const unsigned char *bytes, size_t size,
                        struct error *err) {
    *directory = (struct zip_directory){0};
    struct directory_place place = {0};
    if (!find_directory(bytes, size, &place, err)) return false;
    directory->entries = memory_try_zeroed(place.count, sizeof *directory->entries);
    if (directory->entries == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for %zu zip entries", place.count);
    size_t cursor = place.offset;
    for (; directory->count < place.count; directory->count++) {
        if (!read_entry(bytes, &place, &cursor, &directory->entries[directory->count], err))
            goto out;
    }
    if (cursor != place.end) {
        error_set(err, ERROR_INVALID, "the zip's directory is longer than its entries");
        goto out;
    }
    if (check_entries(directory, err)) return true;
out:
    zip_directory_clear(directory);
    return false;
}

void zip_directory_clear(struct zip_directory *directory) {
    memory_free(directory->entries);
    *directory = (struct zip_directory){0};
}

const struct zip_entry *zip_directory_find(const struct zip_directory *directory, const char *name,
                                           size_t name_size) {
    struct zip_entry wanted = {.name = name, .name_size = name_size};
    return bsearch(&wanted, directory->entries, directory->count, sizeof wanted, compare_names);
}
