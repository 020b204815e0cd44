// Vectors lie in chunks of CHUNK_ROWS, so that growing never copies them and a search streams
// through long runs of memory. Slots are dense: removal moves the last vector into the hole.
//
// One read-write lock guards everything. Searches hold it shared for their whole scan; a writer
// that waits is let in before further searches, so steady searching cannot starve an upload.
#define _GNU_SOURCE
#include "index/vector_index.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "index/key_table.h"
#include "kernels/kernels.h"

enum {
    CHUNK_ROWS = 4096,  // 8 MiB of 512 floats
    SCAN_ROWS = 256,    // scores at a time, on the stack
};

_Static_assert(CHUNK_ROWS % SCAN_ROWS == 0, "a round of a scan lies in one chunk");

struct chunk {
    float *vectors;  // [CHUNK_ROWS, width]
    int64_t keys[CHUNK_ROWS];
};

struct vector_index {
    size_t width;
    struct compute *compute;  // for its serial primitives only: any thread may use them
    pthread_rwlock_t lock;
    // All below are guarded by the lock.
    struct chunk **chunks;
    size_t chunk_count;
    size_t count;
    struct key_table slots;
};

struct vector_index *vector_index_create(size_t width, struct error *err) {
    struct compute *compute = compute_create(NULL, 1, err);
    if (compute == NULL) return NULL;
    struct vector_index *index = memory_alloc(sizeof *index);
    index->width = width;
    index->compute = compute;
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&index->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    return index;
}

void vector_index_destroy(struct vector_index *index) {
    if (index == NULL) return;
    for (size_t i = 0; i < index->chunk_count; i++) {
        memory_free(index->chunks[i]->vectors);
        memory_free(index->chunks[i]);
    }
    memory_free(index->chunks);
    key_table_clear(&index->slots);
    pthread_rwlock_destroy(&index->lock);
    compute_destroy(index->compute);
    memory_free(index);
}

static float *vector_at(const struct vector_index *index, size_t slot) {
    return index->chunks[slot / CHUNK_ROWS]->vectors + slot % CHUNK_ROWS * index->width;
}

static int64_t *key_at(const struct vector_index *index, size_t slot) {
    return &index->chunks[slot / CHUNK_ROWS]->keys[slot % CHUNK_ROWS];
}

static bool add_chunk(struct vector_index *index) {
    size_t floats;
    if (!size_multiply(index->width, CHUNK_ROWS, &floats)) return false;
    struct chunk **chunks =
        memory_try_resize(index->chunks, index->chunk_count + 1, sizeof(struct chunk *));
    if (chunks == NULL) return false;
    index->chunks = chunks;
    struct chunk *chunk = memory_try(sizeof *chunk);
    if (chunk == NULL) return false;
    chunk->vectors = memory_try_aligned(floats, sizeof(float));
    if (chunk->vectors == NULL) {
        memory_free(chunk);
        return false;
    }
    index->chunks[index->chunk_count++] = chunk;
    return true;
}

bool vector_index_put(struct vector_index *index, int64_t key, const float *vector,
                      struct error *err) {
    bool is_done = false;
    pthread_rwlock_wrlock(&index->lock);
    size_t slot = key_table_find(&index->slots, key);
    if (slot == KEY_TABLE_EMPTY) {
        slot = index->count;
        if (slot == index->chunk_count * CHUNK_ROWS && !add_chunk(index)) goto out;
        if (!key_table_reserve(&index->slots)) goto out;
        key_table_set(&index->slots, key, slot);
        *key_at(index, slot) = key;
        index->count++;
    }
    memcpy(vector_at(index, slot), vector, index->width * sizeof *vector);
    is_done = true;
out:
    pthread_rwlock_unlock(&index->lock);
    if (is_done) return true;
    return error_set(err, ERROR_INTERNAL,
                     "out of memory for one more picture in the search index; give the server "
                     "more memory");
}

bool vector_index_remove(struct vector_index *index, int64_t key) {
    pthread_rwlock_wrlock(&index->lock);
    size_t slot = key_table_find(&index->slots, key);
    bool is_there = slot != KEY_TABLE_EMPTY;
    if (is_there) {
        key_table_remove(&index->slots, key);
        size_t last = --index->count;
        if (slot != last) {
            int64_t moved = *key_at(index, last);
            memcpy(vector_at(index, slot), vector_at(index, last), index->width * sizeof(float));
            *key_at(index, slot) = moved;
            key_table_set(&index->slots, moved, slot);
        }
    }
    pthread_rwlock_unlock(&index->lock);
    return is_there;
}

size_t vector_index_count(struct vector_index *index) {
    pthread_rwlock_rdlock(&index->lock);
    size_t count = index->count;
    pthread_rwlock_unlock(&index->lock);
    return count;
}

size_t vector_index_width(const struct vector_index *index) { return index->width; }

static bool is_better(struct vector_match a, struct vector_match b) {
    return a.score > b.score || (a.score == b.score && a.key < b.key);
}

// A heap of the best so far with the worst of them at its root, where it is replaced first.
static void sift_down(struct vector_match *heap, size_t count, size_t i) {
    struct vector_match match = heap[i];
    for (size_t child = 2 * i + 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count && is_better(heap[child], heap[child + 1])) child++;
        if (!is_better(match, heap[child])) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = match;
}

static void sift_up(struct vector_match *heap, size_t i) {
    struct vector_match match = heap[i];
    while (i > 0 && is_better(heap[(i - 1) / 2], match)) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = match;
}

static size_t offer(struct vector_match *heap, size_t count, size_t k, struct vector_match match) {
    if (isnan(match.score)) return count;
    if (count < k) {
        heap[count] = match;
        sift_up(heap, count);
        return count + 1;
    }
    if (is_better(match, heap[0])) {
        heap[0] = match;
        sift_down(heap, count, 0);
    }
    return count;
}

static bool is_allowed(const struct key_filter *filter, int64_t key) {
    return filter == NULL ||
           ((uint64_t)key < filter->bit_count && (filter->bits[key / 64] >> (key % 64) & 1) != 0);
}

size_t vector_index_search(struct vector_index *index, const struct vector_search *search,
                           struct vector_match *matches) {
    size_t k = search->k;
    if (k == 0) return 0;
    size_t found = 0;
    pthread_rwlock_rdlock(&index->lock);
    for (size_t slot = 0; slot < index->count; slot += SCAN_ROWS) {
        size_t rows = index->count - slot < SCAN_ROWS ? index->count - slot : SCAN_ROWS;
        float scores[SCAN_ROWS];
        dot_rows_f32(index->compute, vector_at(index, slot), rows, index->width, search->query,
                     scores);
        const int64_t *keys = key_at(index, slot);
        for (size_t i = 0; i < rows; i++) {
            if (found == k && scores[i] < matches[0].score) continue;
            if (!is_allowed(search->filter, keys[i])) continue;
            found =
                offer(matches, found, k, (struct vector_match){.key = keys[i], .score = scores[i]});
        }
    }
    pthread_rwlock_unlock(&index->lock);
    // Takes the worst off the heap again and again: what remains is sorted, best first.
    for (size_t left = found; left > 1; left--) {
        struct vector_match worst = matches[0];
        matches[0] = matches[left - 1];
        matches[left - 1] = worst;
        sift_down(matches, left - 1, 0);
    }
    return found;
}
