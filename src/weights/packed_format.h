// The structs of a packed cache's file, which packed_cache.c reads and packed_writer.c writes.
#pragma once

#include "weights/packed_cache.h"

// "IMGRPACK" where the least significant byte comes first; elsewhere it is another number, so that
// a file from there is refused.
#define PACKED_MAGIC UINT64_C(0x4B43415052474D49)
enum { PACKED_VERSION = 1, PACKED_COUNT_MAX = 100000 };

struct packed_stamp {
    struct source_stamp source;
    uint64_t zeros[2];
    uint64_t hash;  // XXH3-64 of what stands before it
};

struct packed_header {
    uint64_t magic;
    uint32_t version, count;
    uint64_t size_bytes;    // of the whole file
    uint64_t table_offset;  // to its end
    uint64_t table_hash;
    uint8_t source_hash[SOURCE_HASH_SIZE];
    char label[PACKED_LABEL_SIZE];  // zeros behind the text
    uint64_t hash;                  // of what stands before it
    struct packed_stamp stamp;
};
_Static_assert(sizeof(struct packed_stamp) == 64, "the stamp is one aligned block");
_Static_assert(sizeof(struct packed_header) == PACKED_HEADER_SIZE, "no padding");

struct packed_record {
    char name[PACKED_NAME_SIZE];  // zeros behind the text
    uint64_t size_bytes;
    uint64_t hash;  // XXH3-64 of the blob
};
_Static_assert(sizeof(struct packed_record) == 128, "no padding");

uint64_t packed_stamp_hash(const struct packed_stamp *stamp);
uint64_t packed_header_hash(const struct packed_header *header);
// Maps and checks what the descriptor is open on; `path` is for errors and for renewing the stamp,
// NULL in memory. Takes the descriptor in any case.
struct packed_cache *packed_cache_map(int descriptor, const char *path,
                                      const struct packed_origin *origin, struct error *err);
