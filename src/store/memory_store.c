// The store's contract in memory, for tests: one array, one mutex, plain scans. It is also the
// model that the tests hold the other stores against, so it stays the straightest code there is.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/memory_store_private.h"

struct memory_store *memory_lock(struct store *store) {
    struct memory_store *self = (struct memory_store *)store;
    (void)pthread_mutex_lock(&self->mutex);
    return self;
}

bool memory_unlock(struct memory_store *self, bool result) {
    (void)pthread_mutex_unlock(&self->mutex);
    return result;
}

static struct memory_entry *find(const struct memory_store *self, const char *id,
                                 struct error *err) {
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->entries[i].record.id, id) == 0) return &self->entries[i];
    error_set(err, ERROR_NOT_FOUND, "there is no image %.40s", id);
    return NULL;
}

const struct memory_vector *memory_find_vector(const struct memory_entry *entry,
                                               const char *embedding_model) {
    const struct memory_vector *vector = entry->vectors;
    while (vector != NULL && strcmp(vector->embedding_model, embedding_model) != 0)
        vector = vector->next;
    return vector;
}

bool memory_check_width(const struct memory_store *self, const char *embedding_model, size_t width,
                        struct error *err) {
    for (size_t i = 0; i < self->count; i++) {
        const struct memory_vector *vector = memory_find_vector(&self->entries[i], embedding_model);
        if (vector != NULL && vector->width != width)
            return error_set(err, ERROR_CONFLICT, "the stored vectors of %s have %zu numbers",
                             embedding_model, vector->width);
    }
    return true;
}

static void remove_vector(struct memory_entry *entry, const char *embedding_model) {
    for (struct memory_vector **link = &entry->vectors; *link != NULL; link = &(*link)->next) {
        if (strcmp((*link)->embedding_model, embedding_model) != 0) continue;
        struct memory_vector *vector = *link;
        *link = vector->next;
        memory_free(vector);
        return;
    }
}

static void clear_vectors(struct memory_entry *entry) {
    while (entry->vectors != NULL) remove_vector(entry, entry->vectors->embedding_model);
}

static bool add_vector(const struct memory_store *self, struct memory_entry *entry,
                       const char *embedding_model, const float *values, size_t width,
                       struct error *err) {
    if (!memory_check_width(self, embedding_model, width, err)) return false;
    struct memory_vector *vector = memory_try(sizeof *vector + width * sizeof *values);
    if (vector == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    (void)snprintf(vector->embedding_model, sizeof vector->embedding_model, "%s", embedding_model);
    memcpy(vector->values, values, width * sizeof *values);
    vector->width = width;
    remove_vector(entry, embedding_model);
    vector->next = entry->vectors;
    entry->vectors = vector;
    return true;
}

static bool add(struct memory_store *self, const struct image_record *record, const float *vector,
                size_t width, struct error *err) {
    struct memory_entry *entries = self->entries;
    if ((self->count & (self->count - 1)) == 0)  // full: there is room for a power of two
        entries =
            memory_try_resize(entries, self->count == 0 ? 1 : 2 * self->count, sizeof *entries);
    if (entries == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
    self->entries = entries;
    struct memory_entry entry = {.record = *record};
    if (!add_vector(self, &entry, record->embedding_model, vector, width, err)) return false;
    self->entries[self->count++] = entry;
    return true;
}

static bool is_other_picture(const struct memory_entry *entry, const struct image_record *record) {
    return entry != NULL && entry->record.sha256[0] != '\0' &&
           strcmp(entry->record.sha256, record->sha256) != 0;
}

static bool put_locked(struct memory_store *self, const struct image_record *record,
                       const float *vector, size_t width, bool is_replacing, bool *was_new,
                       struct error *err) {
    *was_new = false;
    if (width == 0) return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    struct memory_entry *entry = find(self, record->id, NULL);
    if (is_other_picture(entry, record))
        return error_set(err, ERROR_CONFLICT, "another picture has the id %s", record->id);
    if (entry != NULL && !is_replacing) return true;
    struct memory_entry fresh = {.record = *record};
    *was_new = entry == NULL
                   ? add(self, record, vector, width, err)
                   : add_vector(self, &fresh, record->embedding_model, vector, width, err);
    if (*was_new && entry != NULL) {
        clear_vectors(entry);
        *entry = fresh;
    }
    return *was_new;
}

static bool memory_put(struct store *store, const struct image_record *record, const float *vector,
                       size_t width, bool *was_new, struct error *err) {
    struct memory_store *self = memory_lock(store);
    return memory_unlock(self, put_locked(self, record, vector, width, false, was_new, err));
}

static bool memory_replace(struct store *store, const struct image_record *record,
                           const float *vector, size_t width, struct error *err) {
    bool was_new;
    struct memory_store *self = memory_lock(store);
    return memory_unlock(self, put_locked(self, record, vector, width, true, &was_new, err));
}

// All or nothing: what cannot be put is found before anything is.
static bool memory_put_many(struct store *store, const struct store_entry *entries, size_t count,
                            struct error *err) {
    struct memory_store *self = memory_lock(store);
    for (size_t i = 0; i < count; i++) {
        const struct image_record *record = &entries[i].record;
        const struct memory_entry *entry = find(self, record->id, NULL);
        if (is_other_picture(entry, record))
            return memory_unlock(
                self, error_set(err, ERROR_CONFLICT, "another picture has the id %s", record->id));
        if (!memory_check_width(self, record->embedding_model, entries[i].width, err))
            return memory_unlock(self, false);
    }
    bool was_new, is_done = true;
    for (size_t i = 0; i < count && is_done; i++)
        is_done = put_locked(self, &entries[i].record, entries[i].vector, entries[i].width, true,
                             &was_new, err);
    return memory_unlock(self, is_done);
}

static bool memory_put_vector(struct store *store, const char *id, const char *embedding_model,
                              const float *vector, size_t width, struct error *err) {
    struct memory_store *self = memory_lock(store);
    struct memory_entry *entry = find(self, id, err);
    return memory_unlock(
        self, entry != NULL && add_vector(self, entry, embedding_model, vector, width, err));
}

static bool memory_update(struct store *store, const char *id, const struct image_change *change,
                          struct image_record *updated, struct error *err) {
    struct memory_store *self = memory_lock(store);
    struct memory_entry *entry = find(self, id, err);
    if (entry == NULL) return memory_unlock(self, false);
    struct image_record *record = &entry->record;
    if (change->caption != NULL) {
        (void)snprintf(record->caption, sizeof record->caption, "%s", change->caption);
        (void)snprintf(record->origin, sizeof record->origin, "%s", ORIGIN_USER);
        record->receipt = (struct receipt){0};
    }
    if (change->tags != NULL) (void)snprintf(record->tags, sizeof record->tags, "%s", change->tags);
    if (updated != NULL) *updated = *record;
    return memory_unlock(self, true);
}

static bool memory_get(struct store *store, const char *id, struct image_record *record,
                       struct error *err) {
    struct memory_store *self = memory_lock(store);
    const struct memory_entry *entry = find(self, id, err);
    if (entry != NULL) *record = entry->record;
    return memory_unlock(self, entry != NULL);
}

static bool memory_get_vectors(struct store *store, const char *const *ids, size_t count,
                               const char *embedding_model, float *vectors, size_t width,
                               bool *is_there, struct error *err) {
    struct memory_store *self = memory_lock(store);
    if (!memory_check_width(self, embedding_model, width, err)) return memory_unlock(self, false);
    for (size_t i = 0; i < count; i++) {
        const struct memory_entry *entry = find(self, ids[i], NULL);
        const struct memory_vector *vector =
            entry == NULL ? NULL : memory_find_vector(entry, embedding_model);
        is_there[i] = vector != NULL;
        if (is_there[i]) memcpy(vectors + i * width, vector->values, width * sizeof *vectors);
    }
    return memory_unlock(self, true);
}

static bool memory_get_vector(struct store *store, const char *id, const char *embedding_model,
                              float *vector, size_t width, struct error *err) {
    bool is_there = false;
    return memory_get_vectors(store, &id, 1, embedding_model, vector, width, &is_there, err) &&
           (is_there || error_set(err, ERROR_NOT_FOUND, "image %.40s has no vector of %s", id,
                                  embedding_model));
}

// Newest first: created_ms, then id, both falling.
static int compare_newest(int64_t created_ms, const char *id, const struct image_record *record) {
    if (created_ms != record->created_ms) return created_ms > record->created_ms ? -1 : 1;
    return strcmp(record->id, id);
}

static int compare_entries(const void *a, const void *b) {
    const struct memory_entry *left = a;
    return compare_newest(left->record.created_ms, left->record.id,
                          &((const struct memory_entry *)b)->record);
}

// Of those without a vector of `embedding_model`; NULL: of all.
static bool list(struct store *store, const char *embedding_model, struct store_cursor *cursor,
                 size_t limit, struct image_record *records, size_t *count, bool *has_more) {
    struct memory_store *self = memory_lock(store);
    struct store_cursor after = *cursor;
    *count = 0;
    *has_more = false;
    if (self->count > 0) qsort(self->entries, self->count, sizeof *self->entries, compare_entries);
    for (size_t i = 0; i < self->count && !*has_more; i++) {
        const struct memory_entry *entry = &self->entries[i];
        const struct image_record *record = &entry->record;
        if (after.id[0] != '\0' && compare_newest(after.created_ms, after.id, record) >= 0)
            continue;
        if (embedding_model != NULL && memory_find_vector(entry, embedding_model) != NULL) continue;
        if (*count == limit) {
            *has_more = true;
        } else {
            records[(*count)++] = *record;
            cursor->created_ms = record->created_ms;
            (void)snprintf(cursor->id, sizeof cursor->id, "%s", record->id);
        }
    }
    return memory_unlock(self, true);
}

static bool memory_list(struct store *store, struct store_cursor *cursor, size_t limit,
                        struct image_record *records, size_t *count, bool *has_more,
                        struct error *err) {
    (void)err;
    return list(store, NULL, cursor, limit, records, count, has_more);
}

static bool memory_list_without_vector(struct store *store, const char *embedding_model,
                                       struct store_cursor *cursor, size_t limit,
                                       struct image_record *records, size_t *count, bool *has_more,
                                       struct error *err) {
    (void)err;
    return list(store, embedding_model, cursor, limit, records, count, has_more);
}

static bool memory_remove(struct store *store, const char *id, struct error *err) {
    struct memory_store *self = memory_lock(store);
    struct memory_entry *entry = find(self, id, err);
    if (entry == NULL) return memory_unlock(self, false);
    clear_vectors(entry);
    *entry = self->entries[--self->count];
    return memory_unlock(self, true);
}

static bool memory_count(struct store *store, size_t *count, struct error *err) {
    (void)err;
    struct memory_store *self = memory_lock(store);
    *count = self->count;
    return memory_unlock(self, true);
}

static void count_vector(const struct memory_vector *vector,
                         struct store_space spaces[static STORE_SPACES_MAX], size_t *count) {
    size_t i = 0;
    while (i < *count && strcmp(spaces[i].embedding_model, vector->embedding_model) != 0) i++;
    if (i == STORE_SPACES_MAX) return;
    if (i == *count) {
        spaces[(*count)++] = (struct store_space){.width = vector->width};
        memcpy(spaces[i].embedding_model, vector->embedding_model, STORE_MODEL_SIZE);
    }
    spaces[i].count++;
}

static bool memory_list_spaces(struct store *store,
                               struct store_space spaces[static STORE_SPACES_MAX], size_t *count,
                               struct error *err) {
    (void)err;
    struct memory_store *self = memory_lock(store);
    *count = 0;
    for (size_t i = 0; i < self->count; i++)
        for (const struct memory_vector *vector = self->entries[i].vectors; vector != NULL;
             vector = vector->next)
            count_vector(vector, spaces, count);
    return memory_unlock(self, true);
}

static bool memory_get_active_space(struct store *store,
                                    char embedding_model[static STORE_MODEL_SIZE],
                                    struct error *err) {
    (void)err;
    struct memory_store *self = memory_lock(store);
    memcpy(embedding_model, self->active_space, STORE_MODEL_SIZE);
    return memory_unlock(self, true);
}

static bool memory_set_active_space(struct store *store, const char *embedding_model,
                                    struct error *err) {
    (void)err;
    struct memory_store *self = memory_lock(store);
    (void)snprintf(self->active_space, STORE_MODEL_SIZE, "%s", embedding_model);
    for (size_t i = 0; i < self->count; i++)
        if (memory_find_vector(&self->entries[i], embedding_model) != NULL)
            memcpy(self->entries[i].record.embedding_model, self->active_space, STORE_MODEL_SIZE);
    return memory_unlock(self, true);
}

static bool memory_remove_space(struct store *store, const char *embedding_model,
                                struct error *err) {
    struct memory_store *self = memory_lock(store);
    if (strcmp(self->active_space, embedding_model) == 0)
        return memory_unlock(self, error_set(err, ERROR_CONFLICT, "searches use the vectors of %s",
                                             embedding_model));
    for (size_t i = 0; i < self->count; i++) remove_vector(&self->entries[i], embedding_model);
    return memory_unlock(self, true);
}

static bool memory_check(struct store *store, struct error *err) {
    (void)store, (void)err;
    return true;
}

static void memory_measure(struct store *store, struct store_figures *figures) {
    struct memory_store *self = memory_lock(store);
    *figures = (struct store_figures){.is_up = true, .images = self->count};
    (void)memory_unlock(self, true);
}

static void memory_destroy(struct store *store) {
    struct memory_store *self = (struct memory_store *)store;
    if (self == NULL) return;
    for (size_t i = 0; i < self->count; i++) clear_vectors(&self->entries[i]);
    memory_free(self->entries);
    (void)pthread_mutex_destroy(&self->mutex);
    memory_free(self);
}

static const struct store_operations memory_operations = {
    .name = "memory",
    .destroy = memory_destroy,
    .put = memory_put,
    .replace = memory_replace,
    .put_many = memory_put_many,
    .put_vector = memory_put_vector,
    .update = memory_update,
    .get = memory_get,
    .get_vector = memory_get_vector,
    .get_vectors = memory_get_vectors,
    .list = memory_list,
    .list_without_vector = memory_list_without_vector,
    .remove = memory_remove,
    .search = memory_search,
    .search_words = memory_search_words,
    .search_hash = memory_search_hash,
    .count = memory_count,
    .list_spaces = memory_list_spaces,
    .get_active_space = memory_get_active_space,
    .set_active_space = memory_set_active_space,
    .remove_space = memory_remove_space,
    .check = memory_check,
    .measure = memory_measure,
};

struct store *memory_store_create(void) {
    struct memory_store *self = memory_alloc(sizeof *self);
    self->store.operations = &memory_operations;
    (void)pthread_mutex_init(&self->mutex, NULL);
    return &self->store;
}
