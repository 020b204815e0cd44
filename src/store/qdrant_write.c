// Writing, in steps whose order qdrant_store.h explains. All of them may be repeated, so that the
// same request after an error does what the first left undone.
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/qdrant_filter.h"
#include "store/qdrant_store_private.h"

enum { VECTORS_A_REQUEST = 250 };  // 10 MB of JSON at a width of 2048

// Under write_mutex.
static bool end_what_was_left(struct qdrant_store *self, struct error *err) {
    if (!atomic_load(&self->may_have_pending)) return true;
    if (!qdrant_repair(self, err) || !qdrant_recount(self, err)) return false;
    atomic_store(&self->may_have_pending, false);
    return true;
}

bool qdrant_begin_write(struct qdrant_store *self, struct error *err) {
    if (self->is_reader)
        return error_set(err, ERROR_STORAGE, "this store was opened for reading only");
    if (!qdrant_prepare(self, err)) return false;
    (void)pthread_mutex_lock(&self->write_mutex);
    if (end_what_was_left(self, err)) return true;
    (void)pthread_mutex_unlock(&self->write_mutex);
    return false;
}

bool qdrant_end_write(struct qdrant_store *self, bool result) {
    (void)pthread_mutex_unlock(&self->write_mutex);
    return result;
}

// Between these a failure leaves something to be ended, or to be counted, later.
static void begin_steps(struct qdrant_store *self) { atomic_store(&self->may_have_pending, true); }

static bool end_steps(struct qdrant_store *self, bool result) {
    if (result) atomic_store(&self->may_have_pending, false);
    return result;
}

bool qdrant_begin_read(struct qdrant_store *self, struct error *err) {
    if (!qdrant_prepare(self, err)) return false;
    if (self->is_reader || !atomic_load(&self->may_have_pending) ||
        pthread_mutex_trylock(&self->write_mutex) != 0)
        return true;
    bool is_done = end_what_was_left(self, err);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

// A write of images that are there or not.
struct batch {
    const struct store_entry *entries;
    size_t count;
    bool *is_there;     // [count]
    json_t *there_ids;  // of those that are there
};

static void batch_clear(struct batch *batch) {
    memory_free(batch->is_there);
    json_decref(batch->there_ids);
}

static json_t *id_to_json(const struct image_record *record) {
    char point_id[POINT_ID_SIZE];
    return point_id_from_image(record->id, point_id) ? json_string(point_id) : NULL;
}

static const json_t *find_point(const json_t *points, const char *point_id) {
    for (size_t i = 0; i < json_array_size(points); i++)
        if (strcmp(qdrant_point_id(json_array_get(points, i)), point_id) == 0)
            return json_array_get(points, i);
    return NULL;
}

static bool compare_with_stored(struct batch *batch, const json_t *points, struct error *err) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct image_record *record = &batch->entries[i].record;
        char point_id[POINT_ID_SIZE];
        (void)point_id_from_image(record->id, point_id);
        const json_t *point = find_point(points, point_id);
        if (point == NULL) continue;
        const json_t *payload = json_object_get(point, "payload");
        const char *sha256 = json_string_value(json_object_get(payload, "sha256"));
        if (sha256 == NULL || strcmp(sha256, record->sha256) != 0)
            return error_set(err, ERROR_CONFLICT,
                             "another picture has the id %s already: the first 16 digits of their "
                             "SHA-256 are the same; delete that one to store this one",
                             record->id);
        batch->is_there[i] = true;
        if (!point_ids_add(batch->there_ids, point_id)) return qdrant_out_of_memory(err);
    }
    return true;
}

// Which images are there; ERROR_CONFLICT when one of them has other bytes.
static bool look_up(struct qdrant_store *self, struct batch *batch, struct error *err) {
    json_t *ids = json_array(), *points;
    batch->is_there = memory_try_zeroed(batch->count, sizeof *batch->is_there);
    batch->there_ids = json_array();
    if (batch->is_there == NULL || batch->there_ids == NULL) {
        json_decref(ids);
        return qdrant_out_of_memory(err);
    }
    for (size_t i = 0; i < batch->count; i++)
        if (json_array_append_new(ids, id_to_json(&batch->entries[i].record)) != 0) {
            json_decref(ids);
            return error_set(err, ERROR_INTERNAL, "an image's id must be 16 hex digits");
        }
    if (!qdrant_retrieve(self, self->images, ids, json_pack("[s]", "sha256"), false, &points, err))
        return false;
    bool is_done = compare_with_stored(batch, points, err);
    json_decref(points);
    return is_done;
}

static json_t *vector_point(const struct image_record *record, const float *vector, size_t width) {
    return json_pack("{s:o, s:o, s:o}", "id", id_to_json(record), "vector",
                     vector_to_json(vector, width), "payload", payload_create_filterable(record));
}

static bool write_points(struct qdrant_store *self, const char *collection, json_t *points,
                         struct error *err) {
    if (json_array_size(points) == 0) {
        json_decref(points);
        return true;
    }
    return qdrant_write(self, "PUT", collection, "/points?wait=true",
                        json_pack("{s:o}", "points", points), err);
}

static bool is_first_of_space(const struct batch *batch, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(batch->entries[i].record.embedding_model,
                   batch->entries[index].record.embedding_model) == 0)
            return false;
    return true;
}

// The vectors of the batch in the space of the entry at `first`.
static bool write_space(struct qdrant_store *self, const struct batch *batch, size_t first,
                        struct error *err) {
    const char *space = batch->entries[first].record.embedding_model;
    char collection[QDRANT_COLLECTION_SIZE];
    json_t *points = json_array();
    bool is_done = true;
    qdrant_space_collection(self, space, collection);
    for (size_t i = first; i < batch->count && is_done; i++) {
        const struct store_entry *entry = &batch->entries[i];
        if (strcmp(entry->record.embedding_model, space) != 0) continue;
        if (json_array_append_new(points,
                                  vector_point(&entry->record, entry->vector, entry->width)) != 0) {
            is_done = qdrant_out_of_memory(err);
        } else if (json_array_size(points) == VECTORS_A_REQUEST) {
            is_done = write_points(self, collection, points, err);
            points = json_array();
        }
    }
    if (is_done) return write_points(self, collection, points, err);
    json_decref(points);
    return false;
}

static bool write_vectors(struct qdrant_store *self, const struct batch *batch, struct error *err) {
    if (json_array_size(batch->there_ids) > 0 &&
        !qdrant_set_payload(self, self->images, json_incref(batch->there_ids),
                            json_pack("{s:s}", "pending", "write"), err))
        return false;
    for (size_t i = 0; i < batch->count; i++)
        if (is_first_of_space(batch, i) && !write_space(self, batch, i, err)) return false;
    return true;
}

static json_t *hash_vector(const struct image_record *record) {
    json_t *bits = record->has_perceptual_hash ? hash_to_json(record->perceptual_hash) : NULL;
    return record->has_perceptual_hash ? json_pack("{s:o}", "hash", bits) : json_object();
}

// The step that decides: one request, all or nothing.
static bool write_images(struct qdrant_store *self, const struct batch *batch, struct error *err) {
    json_t *points = json_array();
    for (size_t i = 0; i < batch->count; i++) {
        const struct image_record *record = &batch->entries[i].record;
        json_t *payload = payload_create(record);
        if (payload != NULL && batch->is_there[i])
            (void)json_object_set_new(payload, "pending", json_string("write"));
        json_t *point = json_pack("{s:o, s:o, s:o}", "id", id_to_json(record), "vector",
                                  hash_vector(record), "payload", payload);
        if (json_array_append_new(points, point) != 0) {
            json_decref(points);
            return qdrant_out_of_memory(err);
        }
    }
    if (!write_points(self, self->images, points, err)) return false;
    (void)atomic_fetch_add(&self->image_count, batch->count - json_array_size(batch->there_ids));
    return true;
}

// The vectors that images which were there have in other spaces than the batch puts them in.
static bool drop_other_vectors(struct qdrant_store *self, const struct batch *batch,
                               struct error *err) {
    struct qdrant_space spaces[STORE_SPACES_MAX];
    size_t count;
    if (json_array_size(batch->there_ids) == 0) return true;
    if (!qdrant_space_read_all(self, spaces, &count, err)) return false;
    for (size_t s = 0; s < count; s++) {
        char collection[QDRANT_COLLECTION_SIZE];
        json_t *ids = json_array();
        for (size_t i = 0; i < batch->count; i++) {
            const struct image_record *record = &batch->entries[i].record;
            if (batch->is_there[i] &&
                strcmp(record->embedding_model, spaces[s].embedding_model) != 0)
                (void)json_array_append_new(ids, id_to_json(record));
        }
        qdrant_space_collection(self, spaces[s].embedding_model, collection);
        if (json_array_size(ids) == 0)
            json_decref(ids);
        else if (!qdrant_delete(self, collection, ids, err))
            return false;
    }
    return qdrant_clear_pending(self, json_incref(batch->there_ids), err);
}

static bool write_batch(struct qdrant_store *self, const struct batch *batch, struct error *err) {
    for (size_t i = 0; i < batch->count; i++)
        if (!qdrant_space_ensure(self, batch->entries[i].record.embedding_model,
                                 batch->entries[i].width, err))
            return false;
    begin_steps(self);
    return end_steps(self, write_vectors(self, batch, err) && write_images(self, batch, err) &&
                               drop_other_vectors(self, batch, err));
}

bool qdrant_put(struct store *store, const struct image_record *record, const float *vector,
                size_t width, bool *was_new, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct store_entry entry = {.record = *record, .vector = vector, .width = width};
    struct batch batch = {.entries = &entry, .count = 1};
    *was_new = false;
    if (width == 0) return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    if (!qdrant_begin_write(self, err)) return false;
    bool is_done = look_up(self, &batch, err);
    if (is_done && !batch.is_there[0]) is_done = *was_new = write_batch(self, &batch, err);
    batch_clear(&batch);
    return qdrant_end_write(self, is_done);
}

bool qdrant_put_many(struct store *store, const struct store_entry *entries, size_t count,
                     struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct batch batch = {.entries = entries, .count = count};
    if (count == 0) return true;
    for (size_t i = 0; i < count; i++)
        if (entries[i].width == 0)
            return error_set(err, ERROR_INTERNAL, "a picture without a vector");
    if (!qdrant_begin_write(self, err)) return false;
    bool is_done = look_up(self, &batch, err) && write_batch(self, &batch, err);
    batch_clear(&batch);
    return qdrant_end_write(self, is_done);
}

bool qdrant_replace(struct store *store, const struct image_record *record, const float *vector,
                    size_t width, struct error *err) {
    struct store_entry entry = {.record = *record, .vector = vector, .width = width};
    return qdrant_put_many(store, &entry, 1, err);
}

bool qdrant_put_vector(struct store *store, const char *id, const char *embedding_model,
                       const float *vector, size_t width, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct image_record record;
    char collection[QDRANT_COLLECTION_SIZE];
    if (!qdrant_begin_write(self, err)) return false;
    qdrant_space_collection(self, embedding_model, collection);
    return qdrant_end_write(
        self, qdrant_get_record(self, id, &record, err) &&
                  qdrant_space_ensure(self, embedding_model, width, err) &&
                  write_points(self, collection,
                               json_pack("[o]", vector_point(&record, vector, width)), err));
}

static bool change_image(struct qdrant_store *self, const char *id,
                         const struct image_change *change, struct image_record *record,
                         struct error *err) {
    char point_id[POINT_ID_SIZE];
    if (!qdrant_get_record(self, id, record, err)) return false;
    if (change->caption != NULL) {
        (void)snprintf(record->caption, sizeof record->caption, "%s", change->caption);
        (void)snprintf(record->origin, sizeof record->origin, "%s", ORIGIN_USER);
        record->receipt = (struct receipt){0};
    }
    if (change->tags != NULL) (void)snprintf(record->tags, sizeof record->tags, "%s", change->tags);
    json_t *payload = payload_create_changed(record);
    if (payload != NULL) (void)json_object_set_new(payload, "pending", json_string("write"));
    (void)point_id_from_image(id, point_id);
    begin_steps(self);
    return end_steps(
        self, qdrant_set_payload(self, self->images, qdrant_one_id(point_id), payload, err) &&
                  qdrant_finish_write(self, point_id, record, err));
}

bool qdrant_update(struct store *store, const char *id, const struct image_change *change,
                   struct image_record *updated, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct image_record record;
    if (!qdrant_begin_write(self, err)) return false;
    bool is_done = change_image(self, id, change, &record, err);
    if (is_done && updated != NULL) *updated = record;
    return qdrant_end_write(self, is_done);
}

bool qdrant_remove(struct store *store, const char *id, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    struct image_record record;
    char point_id[POINT_ID_SIZE];
    if (!qdrant_begin_write(self, err)) return false;
    bool is_done = qdrant_get_record(self, id, &record, err);
    if (is_done) {
        (void)point_id_from_image(id, point_id);
        begin_steps(self);
        is_done =
            end_steps(self, qdrant_set_payload(self, self->images, qdrant_one_id(point_id),
                                               json_pack("{s:s}", "pending", "remove"), err) &&
                                qdrant_finish_remove(self, point_id, err));
    }
    if (is_done) (void)atomic_fetch_sub(&self->image_count, 1);
    return qdrant_end_write(self, is_done);
}
