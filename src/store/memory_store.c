// The store's contract in memory, for tests: one array, one mutex, a plain scan. It is also the
// model that the tests hold the SQLite store against, so it stays the straightest code there is.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/store.h"

struct entry {
    struct image_record record;
    float *vector;
    size_t width;
};

struct memory_store {
    struct store store;
    pthread_mutex_t mutex;
    struct entry *entries;
    size_t count;
};

static struct memory_store *lock(struct store *store) {
    struct memory_store *self = (struct memory_store *)store;
    (void)pthread_mutex_lock(&self->mutex);
    return self;
}

static bool unlock(struct memory_store *self, bool result) {
    (void)pthread_mutex_unlock(&self->mutex);
    return result;
}

static struct entry *find(const struct memory_store *self, const char *id, struct error *err) {
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->entries[i].record.id, id) == 0) return &self->entries[i];
    error_set(err, ERROR_NOT_FOUND, "there is no image %.40s", id);
    return NULL;
}

static bool check_width(const struct memory_store *self, const char *embedding_model, size_t width,
                        struct error *err) {
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->entries[i].record.embedding_model, embedding_model) == 0 &&
            self->entries[i].width != width)
            return error_set(err, ERROR_CONFLICT, "the stored vectors of %s have %zu numbers",
                             embedding_model, self->entries[i].width);
    return true;
}

static bool add(struct memory_store *self, const struct image_record *record, const float *vector,
                size_t width, struct error *err) {
    struct entry *entries = self->entries;
    if ((self->count & (self->count - 1)) == 0)  // full: there is room for a power of two
        entries =
            memory_try_resize(entries, self->count == 0 ? 1 : 2 * self->count, sizeof *entries);
    if (entries != NULL) self->entries = entries;
    float *copy = entries == NULL ? NULL : memory_try_array(width, sizeof *copy);
    if (copy == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    memcpy(copy, vector, width * sizeof *copy);
    self->entries[self->count++] =
        (struct entry){.record = *record, .vector = copy, .width = width};
    return true;
}

static bool memory_put(struct store *store, const struct image_record *record, const float *vector,
                       size_t width, bool *was_new, struct error *err) {
    *was_new = false;
    if (width == 0) return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    struct memory_store *self = lock(store);
    const struct entry *entry = find(self, record->id, NULL);
    if (entry != NULL)
        return unlock(
            self, strcmp(entry->record.sha256, record->sha256) == 0 ||
                      error_set(err, ERROR_CONFLICT, "another picture has the id %s", record->id));
    *was_new = check_width(self, record->embedding_model, width, err) &&
               add(self, record, vector, width, err);
    return unlock(self, *was_new);
}

static bool memory_replace(struct store *store, const struct image_record *record,
                           const float *vector, size_t width, struct error *err) {
    struct memory_store *self = lock(store);
    struct entry *entry = find(self, record->id, NULL);
    if (entry == NULL || strcmp(entry->record.sha256, record->sha256) != 0) {
        bool was_new;
        (void)unlock(self, true);
        return memory_put(store, record, vector, width, &was_new, err);
    }
    if (!check_width(self, record->embedding_model, width, err)) return unlock(self, false);
    float *copy = memory_try_array(width, sizeof *copy);
    if (copy == NULL) return unlock(self, error_set(err, ERROR_INTERNAL, "out of memory"));
    memcpy(copy, vector, width * sizeof *copy);
    memory_free(entry->vector);
    *entry = (struct entry){.record = *record, .vector = copy, .width = width};
    return unlock(self, true);
}

static bool memory_get(struct store *store, const char *id, struct image_record *record,
                       struct error *err) {
    struct memory_store *self = lock(store);
    const struct entry *entry = find(self, id, err);
    if (entry != NULL) *record = entry->record;
    return unlock(self, entry != NULL);
}

static bool memory_get_vector(struct store *store, const char *id, const char *embedding_model,
                              float *vector, size_t width, struct error *err) {
    struct memory_store *self = lock(store);
    const struct entry *entry = find(self, id, err);
    if (entry == NULL) return unlock(self, false);
    if (strcmp(entry->record.embedding_model, embedding_model) != 0)
        return unlock(self, error_set(err, ERROR_NOT_FOUND, "image %s has no vector of %s", id,
                                      embedding_model));
    if (!check_width(self, embedding_model, width, err)) return unlock(self, false);
    memcpy(vector, entry->vector, width * sizeof *vector);
    return unlock(self, true);
}

// Newest first: created_ms, then id, both falling.
static int compare_newest(int64_t created_ms, const char *id, const struct image_record *record) {
    if (created_ms != record->created_ms) return created_ms > record->created_ms ? -1 : 1;
    return strcmp(record->id, id);
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *left = a;
    return compare_newest(left->record.created_ms, left->record.id,
                          &((const struct entry *)b)->record);
}

static bool memory_list(struct store *store, struct store_cursor *cursor, size_t limit,
                        struct image_record *records, size_t *count, bool *has_more,
                        struct error *err) {
    (void)err;
    struct memory_store *self = lock(store);
    struct store_cursor after = *cursor;
    *count = 0;
    *has_more = false;
    if (self->count > 0) qsort(self->entries, self->count, sizeof *self->entries, compare_entries);
    for (size_t i = 0; i < self->count && !*has_more; i++) {
        const struct image_record *record = &self->entries[i].record;
        if (after.id[0] != '\0' && compare_newest(after.created_ms, after.id, record) >= 0)
            continue;
        if (*count == limit) {
            *has_more = true;
        } else {
            records[(*count)++] = *record;
            cursor->created_ms = record->created_ms;
            (void)snprintf(cursor->id, sizeof cursor->id, "%s", record->id);
        }
    }
    return unlock(self, true);
}

static bool memory_remove(struct store *store, const char *id, struct error *err) {
    struct memory_store *self = lock(store);
    struct entry *entry = find(self, id, err);
    if (entry == NULL) return unlock(self, false);
    memory_free(entry->vector);
    *entry = self->entries[--self->count];
    return unlock(self, true);
}

struct candidate {
    float score;
    size_t entry;
};

static int compare_candidates(const void *a, const void *b) {
    float left = ((const struct candidate *)a)->score, right = ((const struct candidate *)b)->score;
    return (left < right) - (left > right);
}

static bool memory_search(struct store *store, const char *embedding_model, const float *query,
                          size_t width, size_t k, struct store_match *matches, size_t *count,
                          struct error *err) {
    struct memory_store *self = lock(store);
    *count = 0;
    if (!check_width(self, embedding_model, width, err)) return unlock(self, false);
    struct candidate *candidates = memory_try_array(self->count, sizeof *candidates);
    if (candidates == NULL) return unlock(self, error_set(err, ERROR_INTERNAL, "out of memory"));
    size_t candidate_count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const struct entry *entry = &self->entries[i];
        if (strcmp(entry->record.embedding_model, embedding_model) != 0) continue;
        float score = 0;
        for (size_t j = 0; j < width; j++) score += query[j] * entry->vector[j];
        candidates[candidate_count++] = (struct candidate){.score = score, .entry = i};
    }
    qsort(candidates, candidate_count, sizeof *candidates, compare_candidates);
    for (; *count < k && *count < candidate_count; (*count)++)
        matches[*count] =
            (struct store_match){.record = self->entries[candidates[*count].entry].record,
                                 .score = candidates[*count].score};
    memory_free(candidates);
    return unlock(self, true);
}

static bool memory_count(struct store *store, size_t *count, struct error *err) {
    (void)err;
    struct memory_store *self = lock(store);
    *count = self->count;
    return unlock(self, true);
}

static bool memory_check(struct store *store, struct error *err) {
    (void)store, (void)err;
    return true;
}

static void memory_destroy(struct store *store) {
    struct memory_store *self = (struct memory_store *)store;
    if (self == NULL) return;
    for (size_t i = 0; i < self->count; i++) memory_free(self->entries[i].vector);
    memory_free(self->entries);
    (void)pthread_mutex_destroy(&self->mutex);
    memory_free(self);
}

static const struct store_operations memory_operations = {
    .name = "memory",
    .destroy = memory_destroy,
    .put = memory_put,
    .replace = memory_replace,
    .get = memory_get,
    .get_vector = memory_get_vector,
    .list = memory_list,
    .remove = memory_remove,
    .search = memory_search,
    .count = memory_count,
    .check = memory_check,
};

struct store *memory_store_create(void) {
    struct memory_store *self = memory_alloc(sizeof *self);
    self->store.operations = &memory_operations;
    (void)pthread_mutex_init(&self->mutex, NULL);
    return &self->store;
}
