// Rows lie in chunks, each with a mean of its own and a lock. What is written lies in one chunk and
// takes microseconds; a search holds one chunk at a time, shared. Codes lie in blocks, so that one
// load fetches the same byte of 64 rows.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/row_code.h"
#include "kernels/codes.h"

enum {
    CHUNK_ROWS = 4096,  // 2.4 MiB of 512 numbers; re-encoding the first takes milliseconds
    CHUNK_BLOCKS = CHUNK_ROWS / CODES_BLOCK_ROWS,
};

struct row_chunk {
    pthread_rwlock_t lock;  // guards what is below, and what the pointers lead to
    size_t code_width;
    float *mean;  // [code_width]
    float mean_length;
    float spread;                    // the largest of any row that was here
    uint64_t is_live[CHUNK_BLOCKS];  // a bit a row
    uint8_t *codes;                  // [CHUNK_BLOCKS, code_width / 8, CODES_BLOCK_ROWS]
    int8_t *narrow;                  // [CHUNK_ROWS, code_width]
    float factors[CHUNK_ROWS];       // see row_code.h
    float scales[CHUNK_ROWS];
    float residuals[CHUNK_ROWS];
    int64_t keys[CHUNK_ROWS];  // of a row that is not live: what the owner keeps there
};

// NULL when memory is out. The mean is zeros.
struct row_chunk *row_chunk_create(size_t code_width);
void row_chunk_destroy(struct row_chunk *chunk);
size_t row_chunk_bytes(size_t code_width);
// The mean of `count` vectors of which sums [width] are the sums; zeros of none. Locked for
// writing, or not shared yet.
void row_chunk_set_mean(struct row_chunk *chunk, const double *sums, size_t count, size_t width);

// Locked for writing. Puts an encoded row in its place; one that is not finite is kept out of
// searches.
void row_chunk_write(struct row_chunk *chunk, size_t row, const uint8_t *signs,
                     const int8_t *narrow, const struct row_numbers *numbers, bool is_finite);
void row_chunk_hide(struct row_chunk *chunk, size_t row);
// Locked either way.
bool row_chunk_has(const struct row_chunk *chunk, size_t row);
