// What memory_store.c (images, one by one) and memory_search.c share.
#pragma once

#include <pthread.h>

#include "store/store.h"

struct memory_vector {
    struct memory_vector *next;
    char embedding_model[STORE_MODEL_SIZE];
    size_t width;
    float values[];
};

struct memory_entry {
    struct image_record record;
    struct memory_vector *vectors;
};

struct memory_store {
    struct store store;
    pthread_mutex_t mutex;
    struct memory_entry *entries;  // kept newest first by memory_list
    size_t count;
    char active_space[STORE_MODEL_SIZE];
};

struct memory_store *memory_lock(struct store *store);
bool memory_unlock(struct memory_store *self, bool result);  // gives the result back
const struct memory_vector *memory_find_vector(const struct memory_entry *entry,
                                               const char *embedding_model);
bool memory_check_width(const struct memory_store *self, const char *embedding_model, size_t width,
                        struct error *err);

bool memory_search(struct store *store, const struct store_search *search,
                   struct store_match *matches, size_t *count, struct error *err);
bool memory_search_words(struct store *store, const struct store_word_search *search,
                         struct store_match *matches, size_t *count, struct error *err);
bool memory_search_hash(struct store *store, uint64_t perceptual_hash, unsigned distance, size_t k,
                        struct store_match *matches, size_t *count, struct error *err);
