// What the files of the Qdrant store share.
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/qdrant_client.h"
#include "store/qdrant_record.h"
#include "store/store.h"

enum {
    QDRANT_NAME_SIZE = 64,        // what the collections' names begin with, with NUL
    QDRANT_COLLECTION_SIZE = 96,  // a collection's name, with NUL
    QDRANT_PATH_SIZE = 160,
};

struct qdrant_space {
    char embedding_model[STORE_MODEL_SIZE];
    size_t width;
};

struct qdrant_store {
    struct store store;
    struct qdrant_client *client;
    char name[QDRANT_NAME_SIZE];
    char images[QDRANT_COLLECTION_SIZE];
    char spaces[QDRANT_COLLECTION_SIZE];
    bool is_reader;
    atomic_bool has_old_search;  // the server has /points/search only
    // Held while something is written: the steps of one write never come between another's.
    pthread_mutex_t write_mutex;
    atomic_bool may_have_pending;   // a write was not done to its end; cleared under write_mutex
    atomic_size_t image_count;      // so that asking how many there are asks nobody
    pthread_mutex_t prepare_mutex;  // held while collections are made
    pthread_mutex_t state_mutex;    // guards what follows
    bool is_prepared;
    struct qdrant_space known[STORE_SPACES_MAX];  // those seen; width and name never change
    size_t known_count;
};

bool qdrant_out_of_memory(struct error *err);  // sets ERROR_INTERNAL, returns false

// Requests on a collection (qdrant_points.c). JSON arguments are taken over, also after a failure;
// NULL ones are out of memory's. Answers are the caller's to release. A collection that is not
// there any more is ERROR_UNAVAILABLE, and has what is known of the server looked up again.
bool qdrant_request(struct qdrant_store *self, const char *method, const char *collection,
                    const char *rest, json_t *body, json_t **result, struct error *err);
// The same for what is written with "wait=true": completed, or an error.
bool qdrant_write(struct qdrant_store *self, const char *method, const char *collection,
                  const char *rest, json_t *body, struct error *err);
// Of up to STORE_BATCH_MAX images, those that are there, in any order: *points is an array.
bool qdrant_retrieve(struct qdrant_store *self, const char *collection, json_t *point_ids,
                     json_t *with_payload, bool with_vector, json_t **points, struct error *err);
// {"limit": …, "filter": …} completed by the caller. *next is the "offset" of the next page, NULL
// at the end; it may be asked for.
bool qdrant_scroll(struct qdrant_store *self, const char *collection, json_t *body, json_t **points,
                   json_t **next, struct error *err);
bool qdrant_count(struct qdrant_store *self, const char *collection, json_t *filter, size_t *count,
                  struct error *err);
bool qdrant_delete(struct qdrant_store *self, const char *collection, json_t *point_ids,
                   struct error *err);
// The payload of these points is set (merged); those that are not there are passed over.
bool qdrant_set_payload(struct qdrant_store *self, const char *collection, json_t *point_ids,
                        json_t *payload, struct error *err);
// [point_id]; NULL when out of memory.
json_t *qdrant_one_id(const char *point_id);
const char *qdrant_point_id(const json_t *point);  // "" when it has none

// Collections and spaces (qdrant_spaces.c).
// Makes the collections that are not there. Called at the start of each operation, costs nothing
// when it was done before.
bool qdrant_prepare(struct qdrant_store *self, struct error *err);
void qdrant_forget(struct qdrant_store *self);
// Counts the images on the server. Under write_mutex or prepare_mutex.
bool qdrant_recount(struct qdrant_store *self, struct error *err);
void qdrant_space_collection(const struct qdrant_store *self, const char *embedding_model,
                             char collection[static QDRANT_COLLECTION_SIZE]);
// *width is 0 when there is no such space.
bool qdrant_space_find(struct qdrant_store *self, const char *embedding_model, size_t *width,
                       struct error *err);
// find, and ERROR_CONFLICT when there is one of another width.
bool qdrant_space_check(struct qdrant_store *self, const char *embedding_model, size_t width,
                        bool *is_there, struct error *err);
// Makes it where it is not there.
bool qdrant_space_ensure(struct qdrant_store *self, const char *embedding_model, size_t width,
                         struct error *err);
// As the server has them now, also those without vectors.
bool qdrant_space_read_all(struct qdrant_store *self,
                           struct qdrant_space spaces[static STORE_SPACES_MAX], size_t *count,
                           struct error *err);
bool qdrant_list_spaces(struct store *store, struct store_space spaces[static STORE_SPACES_MAX],
                        size_t *count, struct error *err);
bool qdrant_get_active_space(struct store *store, char embedding_model[static STORE_MODEL_SIZE],
                             struct error *err);
bool qdrant_set_active_space(struct store *store, const char *embedding_model, struct error *err);
bool qdrant_remove_space(struct store *store, const char *embedding_model, struct error *err);

// Writing (qdrant_write.c).
// Prepares, takes write_mutex and ends what an earlier write left undone. The caller unlocks it,
// when true came back, with qdrant_end_write, which hands `result` on.
bool qdrant_begin_write(struct qdrant_store *self, struct error *err);
bool qdrant_end_write(struct qdrant_store *self, bool result);
// Prepares, and ends what an earlier write left undone unless another is under way.
bool qdrant_begin_read(struct qdrant_store *self, struct error *err);
bool qdrant_put(struct store *store, const struct image_record *record, const float *vector,
                size_t width, bool *was_new, struct error *err);
bool qdrant_replace(struct store *store, const struct image_record *record, const float *vector,
                    size_t width, struct error *err);
bool qdrant_put_many(struct store *store, const struct store_entry *entries, size_t count,
                     struct error *err);
bool qdrant_put_vector(struct store *store, const char *id, const char *embedding_model,
                       const float *vector, size_t width, struct error *err);
bool qdrant_update(struct store *store, const char *id, const struct image_change *change,
                   struct image_record *updated, struct error *err);
bool qdrant_remove(struct store *store, const char *id, struct error *err);
// Does what marks tell: `pending` of an image's point (qdrant_repair.c). Under write_mutex.
bool qdrant_repair(struct qdrant_store *self, struct error *err);
bool qdrant_clear_pending(struct qdrant_store *self, json_t *point_ids, struct error *err);
bool qdrant_finish_remove(struct qdrant_store *self, const char *point_id, struct error *err);
bool qdrant_finish_write(struct qdrant_store *self, const char *point_id,
                         const struct image_record *record, struct error *err);

// Reading (qdrant_read.c).
bool qdrant_get_record(struct qdrant_store *self, const char *id, struct image_record *record,
                       struct error *err);
bool qdrant_get(struct store *store, const char *id, struct image_record *record,
                struct error *err);
bool qdrant_get_vector(struct store *store, const char *id, const char *embedding_model,
                       float *vector, size_t width, struct error *err);
bool qdrant_get_vectors(struct store *store, const char *const *ids, size_t count,
                        const char *embedding_model, float *vectors, size_t width, bool *is_there,
                        struct error *err);
bool qdrant_list(struct store *store, struct store_cursor *cursor, size_t limit,
                 struct image_record *records, size_t *count, bool *has_more, struct error *err);
bool qdrant_list_without_vector(struct store *store, const char *embedding_model,
                                struct store_cursor *cursor, size_t limit,
                                struct image_record *records, size_t *count, bool *has_more,
                                struct error *err);

// Searching (qdrant_search.c, qdrant_word_search.c).
// The records of the first k of these points that are there, in their order, into matches.
bool qdrant_read_matches(struct qdrant_store *self, json_t *point_ids, const float *scores,
                         size_t k, struct store_match *matches, size_t *count, struct error *err);
bool qdrant_search(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err);
bool qdrant_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err);
bool qdrant_search_words(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err);
