// Between the files of the store on PostgreSQL.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/postgres_pool.h"
#include "store/postgres_space.h"
#include "store/postgres_store.h"

// The number of images, kept in memory: health and metrics ask often, on threads that must not
// wait. Our own writes change it at once; what other programs write is counted now and then, by a
// query whose answer counts only if no write of ours was under way meanwhile.
struct postgres_count {
    pthread_mutex_t mutex;
    size_t images;
    uint64_t begun, ended;  // writes
};

struct postgres_store {
    struct store store;
    char *url;
    atomic_bool is_stopping;
    struct postgres_pool pool;
    struct postgres_count count;
    bool has_keeper;
    pthread_t keeper;
    pthread_mutex_t keeper_mutex;  // for is_waking only
    pthread_cond_t is_waking;      // the store is being closed
};

static inline struct postgres_store *as_postgres(struct store *store) {
    return (struct postgres_store *)store;
}

// postgres_count.c: around everything that may add or remove images.
void postgres_count_begin(struct postgres_count *count);
void postgres_count_end(struct postgres_count *count, long change);
bool postgres_count_refresh(struct postgres_count *count, struct postgres_connection *connection,
                            struct error *err);

bool postgres_no_image(struct error *err, const char *id);  // always false

// postgres_write.c
bool postgres_put(struct store *store, const struct image_record *record, const float *vector,
                  size_t width, bool *was_new, struct error *err);
bool postgres_replace(struct store *store, const struct image_record *record, const float *vector,
                      size_t width, struct error *err);
bool postgres_put_many(struct store *store, const struct store_entry *entries, size_t count,
                       struct error *err);
bool postgres_put_vector(struct store *store, const char *id, const char *embedding_model,
                         const float *vector, size_t width, struct error *err);
bool postgres_update(struct store *store, const char *id, const struct image_change *change,
                     struct image_record *updated, struct error *err);
bool postgres_remove(struct store *store, const char *id, struct error *err);

// postgres_read.c
bool postgres_get(struct store *store, const char *id, struct image_record *record,
                  struct error *err);
bool postgres_get_vector(struct store *store, const char *id, const char *embedding_model,
                         float *vector, size_t width, struct error *err);
bool postgres_get_vectors(struct store *store, const char *const *ids, size_t count,
                          const char *embedding_model, float *vectors, size_t width, bool *is_there,
                          struct error *err);
bool postgres_list(struct store *store, struct store_cursor *cursor, size_t limit,
                   struct image_record *records, size_t *count, bool *has_more, struct error *err);
bool postgres_list_without_vector(struct store *store, const char *embedding_model,
                                  struct store_cursor *cursor, size_t limit,
                                  struct image_record *records, size_t *count, bool *has_more,
                                  struct error *err);

// postgres_search.c
bool postgres_search(struct store *store, const struct store_search *search,
                     struct store_match *matches, size_t *count, struct error *err);
bool postgres_search_words(struct store *store, const struct store_word_search *search,
                           struct store_match *matches, size_t *count, struct error *err);
bool postgres_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance,
                          size_t k, struct store_match *matches, size_t *count, struct error *err);
