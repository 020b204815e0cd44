// The writer's side. A chunk is centred by the mean of all vectors that were there when it was
// begun. The first has too few for that: its rows are kept in fp32 beside their codes, and encoded
// again whenever there are four times as many, until it is full.
#define _GNU_SOURCE
#include "index/vector_index.h"

#include <string.h>

#include "base/memory.h"
#include "index/vector_index_internal.h"

enum {
    SETTLING_FACTOR = 4,
    ROWS_A_TASK = 32,  // of encoding: about 30 us, less than waking a thread costs
};

static struct row_chunk *chunk_of(const struct vector_index *index, size_t slot) {
    return atomic_load_explicit(&index->chunks[slot / CHUNK_ROWS], memory_order_acquire);
}

static bool allocate(struct vector_index *index) {
    index->chunks = memory_try_zeroed(MAXIMUM_CHUNKS, sizeof *index->chunks);
    index->sums = memory_try_zeroed(index->width, sizeof *index->sums);
    index->piece.signs = memory_try_aligned(PIECE_ROWS, index->code_width / 8);
    index->piece.narrow = memory_try_aligned(PIECE_ROWS, index->code_width);
    return index->chunks != NULL && index->sums != NULL && index->piece.signs != NULL &&
           index->piece.narrow != NULL;
}

struct vector_index *vector_index_create(size_t width, const char *kernel_tier, size_t threads,
                                         struct error *err) {
    if (width == 0 || width > CODES_WIDTH_MAXIMUM) {
        error_set(err, ERROR_INVALID, "vectors of %zu numbers cannot be searched; 1 to %d can",
                  width, CODES_WIDTH_MAXIMUM);
        return NULL;
    }
    struct vector_index *index = memory_alloc(sizeof *index);
    index->width = width;
    index->code_width = row_code_width(width);
    index->free_slot = NO_SLOT;
    index->settle_at = 1;
    (void)pthread_mutex_init(&index->pool_mutex, NULL);
    (void)pthread_mutex_init(&index->writer, NULL);
    (void)pthread_rwlock_init(&index->slots_lock, NULL);
    index->compute = compute_create(kernel_tier, 1, err);
    if (index->compute == NULL) goto failed;
    index->kernels = code_kernels_of_tier(compute_tier(index->compute));
    index->pool = thread_pool_create(threads, err);
    if (index->pool == NULL) goto failed;
    if (allocate(index)) return index;
    error_set(err, ERROR_INTERNAL, "out of memory for the search index; give the server more");
failed:
    vector_index_destroy(index);
    return NULL;
}

void vector_index_destroy(struct vector_index *index) {
    if (index == NULL) return;
    for (size_t i = 0; i < atomic_load(&index->chunk_count); i++)
        row_chunk_destroy(chunk_of(index, i * CHUNK_ROWS));
    memory_free(index->chunks);
    key_table_clear(&index->slots);
    memory_free(index->sums);
    memory_free(index->staged);
    memory_free(index->piece.signs);
    memory_free(index->piece.narrow);
    thread_pool_destroy(index->pool);
    compute_destroy(index->compute);
    (void)pthread_mutex_destroy(&index->pool_mutex);
    (void)pthread_mutex_destroy(&index->writer);
    (void)pthread_rwlock_destroy(&index->slots_lock);
    memory_free(index);
}

size_t vector_index_width(const struct vector_index *index) { return index->width; }

size_t vector_index_count(struct vector_index *index) { return atomic_load(&index->count); }

size_t vector_index_memory_bytes(struct vector_index *index) {
    (void)pthread_mutex_lock(&index->writer);
    size_t bytes = atomic_load(&index->chunk_count) * row_chunk_bytes(index->code_width) +
                   index->slots.capacity * sizeof *index->slots.entries +
                   (index->staged == NULL ? 0 : CHUNK_ROWS * index->width * sizeof(float));
    (void)pthread_mutex_unlock(&index->writer);
    return bytes;
}

// Encodes a task's worth of the rows of the piece.
static void encode_task(void *context, size_t task, size_t worker) {
    (void)worker;
    struct vector_index *index = context;
    struct piece *piece = &index->piece;
    size_t end = (task + 1) * ROWS_A_TASK < piece->count ? (task + 1) * ROWS_A_TASK : piece->count;
    for (size_t i = task * ROWS_A_TASK; i < end; i++)
        piece->is_finite[i] =
            row_encode(piece->vectors + i * index->width, chunk_of(index, piece->slots[i])->mean,
                       index->width, piece->signs + i * (index->code_width / 8),
                       piece->narrow + i * index->code_width, &piece->numbers[i]);
}

static void encode_piece(struct vector_index *index) {
    size_t tasks = (index->piece.count + ROWS_A_TASK - 1) / ROWS_A_TASK;
    if (tasks > 1 && pthread_mutex_trylock(&index->pool_mutex) == 0) {
        thread_pool_run(index->pool, encode_task, index, tasks);
        (void)pthread_mutex_unlock(&index->pool_mutex);
    } else {
        for (size_t task = 0; task < tasks; task++) encode_task(index, task, 0);
    }
}

static void write_row(struct vector_index *index, struct row_chunk *chunk, size_t i) {
    const struct piece *piece = &index->piece;
    row_chunk_write(chunk, piece->slots[i] % CHUNK_ROWS, piece->signs + i * (index->code_width / 8),
                    piece->narrow + i * index->code_width, &piece->numbers[i], piece->is_finite[i]);
}

static void write_piece(struct vector_index *index, const int64_t *keys) {
    const struct piece *piece = &index->piece;
    struct row_chunk *locked = NULL;
    for (size_t i = 0; i < piece->count; i++) {
        struct row_chunk *chunk = chunk_of(index, piece->slots[i]);
        if (locked == NULL || chunk != locked) {
            if (locked != NULL) (void)pthread_rwlock_unlock(&locked->lock);
            (void)pthread_rwlock_wrlock(&chunk->lock);
            locked = chunk;
        }
        chunk->keys[piece->slots[i] % CHUNK_ROWS] = keys[i];
        write_row(index, chunk, i);
    }
    if (locked != NULL) (void)pthread_rwlock_unlock(&locked->lock);
    for (size_t i = 0; i < piece->count; i++) {
        const float *vector = piece->vectors + i * index->width;
        if (piece->slots[i] < CHUNK_ROWS && index->staged != NULL)
            memcpy(index->staged + piece->slots[i] * index->width, vector,
                   index->width * sizeof *vector);
        if (!piece->is_finite[i]) continue;
        for (size_t j = 0; j < index->width; j++) index->sums[j] += vector[j];
        index->summed++;
    }
}

// The first chunk again, by the mean of all vectors so far; its lock is held all the while.
static void settle_first_chunk(struct vector_index *index) {
    struct row_chunk *chunk = chunk_of(index, 0);
    struct piece *piece = &index->piece;
    size_t rows = index->used < CHUNK_ROWS ? index->used : CHUNK_ROWS;
    index->settle_at = rows * SETTLING_FACTOR < CHUNK_ROWS ? rows * SETTLING_FACTOR : CHUNK_ROWS;
    (void)pthread_rwlock_wrlock(&chunk->lock);
    row_chunk_set_mean(chunk, index->sums, index->summed, index->width);
    chunk->spread = 0;
    for (size_t start = 0; start < rows; start += piece->count) {
        piece->vectors = index->staged + start * index->width;
        piece->count = rows - start < PIECE_ROWS ? rows - start : PIECE_ROWS;
        for (size_t i = 0; i < piece->count; i++) piece->slots[i] = start + i;
        encode_piece(index);
        for (size_t i = 0; i < piece->count; i++)
            if (row_chunk_has(chunk, start + i)) write_row(index, chunk, i);
    }
    (void)pthread_rwlock_unlock(&chunk->lock);
    if (rows < CHUNK_ROWS) return;
    memory_free(index->staged);
    index->staged = NULL;
}

static bool add_chunk(struct vector_index *index) {
    size_t number = atomic_load(&index->chunk_count);
    if (number == MAXIMUM_CHUNKS) return false;
    if (number == 0 && index->staged == NULL) {
        index->staged = memory_try_array(CHUNK_ROWS * index->width, sizeof *index->staged);
        if (index->staged == NULL) return false;
    }
    struct row_chunk *chunk = row_chunk_create(index->code_width);
    if (chunk == NULL) return false;
    row_chunk_set_mean(chunk, index->sums, index->summed, index->width);
    atomic_store_explicit(&index->chunks[number], chunk, memory_order_release);
    atomic_store_explicit(&index->chunk_count, number + 1, memory_order_release);
    return true;
}

// The larger table is filled beside the one that searches look into.
static bool make_room(struct vector_index *index) {
    if (key_table_has_room(&index->slots)) return true;
    struct key_table old = index->slots, larger;
    if (!key_table_grow(&old, &larger)) return false;
    (void)pthread_rwlock_wrlock(&index->slots_lock);
    index->slots = larger;
    (void)pthread_rwlock_unlock(&index->slots_lock);
    key_table_clear(&old);
    return true;
}

// The slot of the key, a new one if it has none; NO_SLOT when memory is out, and then nothing has
// changed that matters.
static size_t assign_slot(struct vector_index *index, int64_t key) {
    size_t slot = key_table_find(&index->slots, key);
    if (slot != KEY_TABLE_EMPTY) return slot;
    if (!make_room(index)) return NO_SLOT;
    slot = index->free_slot;
    if (slot != NO_SLOT) {
        index->free_slot = (size_t)chunk_of(index, slot)->keys[slot % CHUNK_ROWS];
    } else {
        slot = index->used;
        if (slot == atomic_load(&index->chunk_count) * CHUNK_ROWS && !add_chunk(index))
            return NO_SLOT;
        index->used++;
    }
    (void)pthread_rwlock_wrlock(&index->slots_lock);
    key_table_set(&index->slots, key, slot);
    (void)pthread_rwlock_unlock(&index->slots_lock);
    atomic_fetch_add(&index->count, 1);
    return slot;
}

// False when not all of them found room.
static bool put_piece(struct vector_index *index, const int64_t *keys, const float *vectors,
                      size_t count) {
    struct piece *piece = &index->piece;
    piece->vectors = vectors;
    piece->count = 0;
    while (piece->count < count) {
        size_t slot = assign_slot(index, keys[piece->count]);
        if (slot == NO_SLOT) break;
        piece->slots[piece->count++] = slot;
    }
    bool is_done = piece->count == count;
    encode_piece(index);
    write_piece(index, keys);
    if (index->staged != NULL && index->used >= index->settle_at) settle_first_chunk(index);
    return is_done;
}

bool vector_index_put_many(struct vector_index *index, const int64_t *keys, const float *vectors,
                           size_t count, struct error *err) {
    bool is_done = true;
    (void)pthread_mutex_lock(&index->writer);
    for (size_t start = 0; is_done && start < count; start += PIECE_ROWS) {
        size_t piece = count - start < PIECE_ROWS ? count - start : PIECE_ROWS;
        is_done = put_piece(index, keys + start, vectors + start * index->width, piece);
    }
    (void)pthread_mutex_unlock(&index->writer);
    if (is_done) return true;
    return error_set(err, ERROR_INTERNAL,
                     "out of memory for one more picture in the search index; give the server "
                     "more memory");
}

bool vector_index_put(struct vector_index *index, int64_t key, const float *vector,
                      struct error *err) {
    return vector_index_put_many(index, &key, vector, 1, err);
}

bool vector_index_remove(struct vector_index *index, int64_t key) {
    (void)pthread_mutex_lock(&index->writer);
    size_t slot = key_table_find(&index->slots, key);
    if (slot != KEY_TABLE_EMPTY) {
        (void)pthread_rwlock_wrlock(&index->slots_lock);
        key_table_remove(&index->slots, key);
        (void)pthread_rwlock_unlock(&index->slots_lock);
        struct row_chunk *chunk = chunk_of(index, slot);
        (void)pthread_rwlock_wrlock(&chunk->lock);
        row_chunk_hide(chunk, slot % CHUNK_ROWS);
        chunk->keys[slot % CHUNK_ROWS] = (int64_t)index->free_slot;  // NO_SLOT is -1
        (void)pthread_rwlock_unlock(&chunk->lock);
        index->free_slot = slot;
        atomic_fetch_sub(&index->count, 1);
    }
    (void)pthread_mutex_unlock(&index->writer);
    return slot != KEY_TABLE_EMPTY;
}
