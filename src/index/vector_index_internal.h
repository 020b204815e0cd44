// What the files of the index share. Who may touch what:
//
//   writer           held by whoever puts or removes; guards the members marked with it
//   slots_lock       guards the table of keys; only the holder of `writer` changes it, and holds it
//                    for moments
//   a chunk's lock   guards its rows; searches hold one at a time
//   pool_mutex       held by the search, or the writer, that has the threads; others do without
//
// Taken in this order. A slot is the number of a row: its chunk is slot / CHUNK_ROWS. Rows never
// move, so a search misses none that stays; slots that are free are used again first. Chunks are
// added and stay until the end, so a pointer to one is good without a lock.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/thread_pool.h"
#include "index/key_table.h"
#include "index/row_chunk.h"
#include "index/vector_index.h"
#include "kernels/kernels.h"

enum {
    MAXIMUM_CHUNKS = 16384,  // 67 million rows, 128 KiB of pointers
    PIECE_ROWS = 256,        // rows that are encoded before they are written
};

// A piece of what is put: where it goes and what it becomes.
struct piece {
    const float *vectors;  // [count, width]
    size_t count;
    size_t slots[PIECE_ROWS];
    struct row_numbers numbers[PIECE_ROWS];
    bool is_finite[PIECE_ROWS];
    uint8_t *signs;  // [PIECE_ROWS, code_width / 8]
    int8_t *narrow;  // [PIECE_ROWS, code_width]
};

struct vector_index {
    size_t width, code_width;
    struct compute *compute;  // for its serial primitives only: any thread may use them
    const struct code_kernels *kernels;
    pthread_mutex_t pool_mutex;
    struct thread_pool *pool;

    _Atomic(struct row_chunk *) *chunks;  // [MAXIMUM_CHUNKS]; the first chunk_count are there
    atomic_size_t chunk_count;
    atomic_size_t count;  // of keys; changed under writer

    pthread_rwlock_t slots_lock;
    struct key_table slots;

    pthread_mutex_t writer;
    size_t used;       // slots that ever held a row
    size_t free_slot;  // the first of those that hold none; each names the next as its key
    double *sums;      // [width], of all vectors that were put and are finite
    size_t summed;
    float *staged;     // [CHUNK_ROWS, width], the first chunk's rows until its mean is settled
    size_t settle_at;  // used slots at which that is done again
    struct piece piece;
};

#define NO_SLOT SIZE_MAX
