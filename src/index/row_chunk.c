#define _GNU_SOURCE
#include "index/row_chunk.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

struct row_chunk *row_chunk_create(size_t code_width) {
    struct row_chunk *chunk = memory_try_zeroed(1, sizeof *chunk);
    if (chunk == NULL) return NULL;
    chunk->code_width = code_width;
    chunk->mean = memory_try_zeroed(code_width, sizeof *chunk->mean);
    chunk->codes = memory_try_aligned(CHUNK_ROWS / 8, code_width);
    chunk->narrow = memory_try_aligned(CHUNK_ROWS, code_width);
    // A writer that waits is let in before further searches, so that steady searching cannot
    // starve it.
    pthread_rwlockattr_t attributes;
    (void)pthread_rwlockattr_init(&attributes);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&chunk->lock, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
    if (chunk->mean == NULL || chunk->codes == NULL || chunk->narrow == NULL) {
        row_chunk_destroy(chunk);
        return NULL;
    }
    // Whole blocks are read, also where there is no row yet.
    memset(chunk->codes, 0, CHUNK_ROWS / 8 * code_width);
    return chunk;
}

void row_chunk_destroy(struct row_chunk *chunk) {
    if (chunk == NULL) return;
    (void)pthread_rwlock_destroy(&chunk->lock);
    memory_free(chunk->mean);
    memory_free(chunk->codes);
    memory_free(chunk->narrow);
    memory_free(chunk);
}

size_t row_chunk_bytes(size_t code_width) {
    return sizeof(struct row_chunk) + CHUNK_ROWS * (code_width + code_width / 8) +
           code_width * sizeof(float);
}

void row_chunk_set_mean(struct row_chunk *chunk, const double *sums, size_t count, size_t width) {
    double squares = 0;
    for (size_t i = 0; i < width; i++) {
        double mean = count == 0 ? 0 : sums[i] / (double)count;
        chunk->mean[i] = (float)mean;
        squares += mean * mean;
    }
    chunk->mean_length = (float)sqrt(squares);
}

void row_chunk_write(struct row_chunk *chunk, size_t row, const uint8_t *signs,
                     const int8_t *narrow, const struct row_numbers *numbers, bool is_finite) {
    if (!is_finite) {
        row_chunk_hide(chunk, row);
        return;
    }
    size_t bytes = chunk->code_width / 8;
    size_t block = row / CODES_BLOCK_ROWS, place = row % CODES_BLOCK_ROWS;
    uint8_t *codes = chunk->codes + block * bytes * CODES_BLOCK_ROWS + place;
    for (size_t byte = 0; byte < bytes; byte++) codes[byte * CODES_BLOCK_ROWS] = signs[byte];
    memcpy(chunk->narrow + row * chunk->code_width, narrow, chunk->code_width);
    chunk->factors[row] = numbers->factor;
    chunk->scales[row] = numbers->scale;
    chunk->residuals[row] = numbers->residual;
    if (numbers->spread > chunk->spread) chunk->spread = numbers->spread;
    chunk->is_live[block] |= UINT64_C(1) << place;
}

void row_chunk_hide(struct row_chunk *chunk, size_t row) {
    chunk->is_live[row / CODES_BLOCK_ROWS] &= ~(UINT64_C(1) << row % CODES_BLOCK_ROWS);
}

bool row_chunk_has(const struct row_chunk *chunk, size_t row) {
    return (chunk->is_live[row / CODES_BLOCK_ROWS] >> row % CODES_BLOCK_ROWS & 1) != 0;
}
