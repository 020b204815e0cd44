// What the files of the store on SQLite share: sqlite_store.c opens and closes, sqlite_write.c
// changes, sqlite_read.c looks up and lists, sqlite_search.c searches, sqlite_spaces.c keeps the
// vector spaces. DIR/imgrouter.db holds all; vectors and perceptual hashes are in memory too.
//
// One connection writes, under a mutex, one BEGIN IMMEDIATE transaction at a time; a pool of
// others reads. Lock order: writer mutex, then those of the spaces and the hashes. What is in
// memory gets its entry just before the COMMIT, so that running out of memory can still undo the
// row, and loses it when the COMMIT fails. A search may therefore meet a key whose row is not there
// yet or not any more: it passes over it, and asks for a few more keys than it needs. Row numbers
// are never used twice in one process, so such a key cannot stand for another picture.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/hash_list.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_reader_pool.h"
#include "store/store.h"
#include "store/vector_spaces.h"

struct sqlite_store {
    struct store store;
    int lock;
    pthread_mutex_t write_mutex;
    struct sqlite_connection writer;  // under write_mutex
    atomic_llong next_row;            // changed under write_mutex
    atomic_size_t image_count;        // committed ones; changed under write_mutex
    struct sqlite_reader_pool readers;
    struct vector_spaces spaces;
    struct hash_list hashes;
};

static inline struct sqlite_store *as_sqlite(struct store *store) {
    return (struct sqlite_store *)store;
}

// Always false.
bool sqlite_no_image(struct error *err, const char *id);
// *row is 0 when there is no such id.
bool sqlite_find_row(struct sqlite_connection *connection, const char *id, int64_t *row,
                     char sha256[static 65], struct error *err);

// The operations of struct store_operations.
bool sqlite_put(struct store *store, const struct image_record *record, const float *vector,
                size_t width, bool *was_new, struct error *err);
bool sqlite_replace(struct store *store, const struct image_record *record, const float *vector,
                    size_t width, struct error *err);
bool sqlite_put_many(struct store *store, const struct store_entry *entries, size_t count,
                     struct error *err);
bool sqlite_put_vector(struct store *store, const char *id, const char *embedding_model,
                       const float *vector, size_t width, struct error *err);
bool sqlite_update(struct store *store, const char *id, const struct image_change *change,
                   struct image_record *updated, struct error *err);
bool sqlite_remove(struct store *store, const char *id, struct error *err);

bool sqlite_get(struct store *store, const char *id, struct image_record *record,
                struct error *err);
bool sqlite_get_vector(struct store *store, const char *id, const char *embedding_model,
                       float *vector, size_t width, struct error *err);
bool sqlite_get_vectors(struct store *store, const char *const *ids, size_t count,
                        const char *embedding_model, float *vectors, size_t width, bool *is_there,
                        struct error *err);
bool sqlite_list(struct store *store, struct store_cursor *cursor, size_t limit,
                 struct image_record *records, size_t *count, bool *has_more, struct error *err);
bool sqlite_list_without_vector(struct store *store, const char *embedding_model,
                                struct store_cursor *cursor, size_t limit,
                                struct image_record *records, size_t *count, bool *has_more,
                                struct error *err);

bool sqlite_search(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err);
bool sqlite_search_words(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err);
bool sqlite_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err);

bool sqlite_list_spaces(struct store *store, struct store_space spaces[static STORE_SPACES_MAX],
                        size_t *count, struct error *err);
bool sqlite_get_active_space(struct store *store, char embedding_model[static STORE_MODEL_SIZE],
                             struct error *err);
bool sqlite_set_active_space(struct store *store, const char *embedding_model, struct error *err);
bool sqlite_remove_space(struct store *store, const char *embedding_model, struct error *err);
