// What was computed from a model's weights, kept in a file for the next start and mapped there:
// named blobs, each aligned to 64 bytes. A file that is not, byte for byte, what we would write
// again is not used: cut, changed, of another version, another source or another owner. Only this
// program reads it, on the machine that wrote it, so its numbers are in the machine's byte order.
// The format:
//
//   struct packed_header, 512 bytes: what the file was made from and for, where the table is,
//   hashes the blobs, one after the other, each followed by zeros up to a multiple of 64 the table:
//   a struct packed_record for each blob, in the same order
//
// The hash of a blob is in its record, that of the table in the header, that of the header in
// itself; places follow from sizes and are not trusted. The last 64 bytes of the header, the stamp,
// are written anew when the source file was only touched or copied back; they have a hash of their
// own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "weights/source_stamp.h"

enum {
    PACKED_LABEL_SIZE = 384,
    PACKED_NAME_SIZE = 112,
    PACKED_ALIGNMENT = 64,  // bytes: an AVX-512 register, a cache line
    PACKED_HEADER_SIZE = 512,
};

// What the blobs follow from.
struct packed_origin {
    const char *source;  // path of the weight file; borrowed
    // All the rest: precision, version of the packing, configuration. Shorter than
    // PACKED_LABEL_SIZE; borrowed.
    const char *label;
    // Taken before the weights are first read, so that a change after that shows.
    struct source_stamp stamp;
};

struct packed_cache;

// Checks everything, the blobs' hashes included, then maps the file read-only. NULL with
// ERROR_NOT_FOUND when there is none, with another kind and the reason when it is of no use.
struct packed_cache *packed_cache_open(const char *path, const struct packed_origin *origin,
                                       struct error *err);
void packed_cache_close(struct packed_cache *cache);  // takes NULL
// The blob's bytes, borrowed, or NULL.
const void *packed_cache_find(const struct packed_cache *cache, const char *name,
                              size_t *size_bytes);

struct packed_writer;

// Begins a file that appears under `path` when it is published and not before; what was there is
// then replaced. With NULL the blobs are kept in memory. Reads the whole source once.
// Errors: ERROR_STORAGE, ERROR_CONFLICT (the source changed since its stamp was taken).
struct packed_writer *packed_writer_create(const char *path, const struct packed_origin *origin,
                                           struct error *err);
// Names are not added twice and are shorter than PACKED_NAME_SIZE.
bool packed_writer_add(struct packed_writer *writer, const char *name, const void *bytes,
                       size_t size_bytes, struct error *err);
// Opens, and checks, what was written. Nothing can be added any more.
struct packed_cache *packed_writer_finish(struct packed_writer *writer, struct error *err);
// After true the finished file is under its path and survives a power cut. In memory nothing is
// to do.
bool packed_writer_publish(struct packed_writer *writer, struct error *err);
// Takes NULL. What was not published is removed; a cache opened from it lives on.
void packed_writer_destroy(struct packed_writer *writer);
