// Any bytes as a packed cache. Its hashes are made right first, or nothing but the hash would ever
// be tried; sizes, names and places are the input's. What is accepted lies inside the file.
#define _GNU_SOURCE  // memfd_create: a file without a disk
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "weights/packed_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned touched;

static int file_of(const void *bytes, size_t size) {
    int descriptor = memfd_create("packed", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, bytes, size) != (ssize_t)size) abort();
    return descriptor;
}

static void mend_hashes(uint8_t *bytes, size_t size, const struct packed_origin *origin) {
    struct packed_header header;
    memcpy(&header, bytes, sizeof header);
    header.magic = PACKED_MAGIC;
    header.version = PACKED_VERSION;
    memset(header.label, 0, sizeof header.label);
    memcpy(header.label, origin->label, strlen(origin->label));
    size_t table_size = header.count * sizeof(struct packed_record);
    size_t offset = sizeof header, table = (size_t)header.table_offset;
    bool has_table = table_size <= size && table <= size - table_size && table % 8 == 0;
    for (uint32_t i = 0; has_table && i < header.count; i++) {
        struct packed_record record;
        memcpy(&record, bytes + table + i * sizeof record, sizeof record);
        if (offset > size || record.size_bytes > size - offset) break;
        record.hash = XXH3_64bits(bytes + offset, record.size_bytes);
        memcpy(bytes + table + i * sizeof record, &record, sizeof record);
        offset = (offset + record.size_bytes + PACKED_ALIGNMENT - 1) / PACKED_ALIGNMENT *
                 PACKED_ALIGNMENT;
    }
    if (has_table) header.table_hash = XXH3_64bits(bytes + table, table_size);
    header.hash = packed_header_hash(&header);
    header.stamp.source = origin->stamp;
    header.stamp.hash = packed_stamp_hash(&header.stamp);
    memcpy(bytes, &header, sizeof header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char source[64];
    int weights = file_of("weights", 7);
    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", weights);
    struct packed_origin origin = {.source = source, .label = "fuzz"};
    if (!source_stamp_read(&origin.stamp, source, NULL)) abort();
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) abort();
    if (size > 0) memcpy(bytes, data, size);
    if (size >= PACKED_HEADER_SIZE) mend_hashes(bytes, size, &origin);
    struct error err = {0};
    struct packed_cache *cache = packed_cache_map(file_of(bytes, size), NULL, &origin, &err);
    assert((cache == NULL) == (err.text[0] != '\0'));
    if (cache != NULL) {
        struct packed_header header;
        memcpy(&header, bytes, sizeof header);
        for (uint32_t i = 0; i < header.count; i++) {
            struct packed_record record;
            memcpy(&record, bytes + header.table_offset + i * sizeof record, sizeof record);
            size_t found;
            const uint8_t *blob = packed_cache_find(cache, record.name, &found);
            assert(blob != NULL);
            for (size_t k = 0; k < found; k++) touched += blob[k];
        }
    }
    packed_cache_close(cache);
    (void)close(weights);
    free(bytes);
    return 0;
}
