#include "store/qdrant_store.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/qdrant_store_private.h"

static bool qdrant_store_count(struct store *store, size_t *count, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    bool is_done = qdrant_prepare(self, err);
    *count = is_done ? atomic_load(&self->image_count) : 0;
    return is_done;
}

// Asks the server, and for the number of images while at it, unless that changes right now.
static bool qdrant_check(struct store *store, struct error *err) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    size_t count;
    if (!qdrant_begin_read(self, err)) return false;
    if (pthread_mutex_trylock(&self->write_mutex) != 0)
        return qdrant_count(self, self->images, json_object(), &count, err);
    bool is_done = qdrant_recount(self, err);
    (void)pthread_mutex_unlock(&self->write_mutex);
    return is_done;
}

static void qdrant_measure(struct store *store, struct store_figures *figures) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    *figures = (struct store_figures){.is_up = qdrant_client_is_there(self->client)};
    if (figures->is_up) figures->images = atomic_load(&self->image_count);
}

static void qdrant_destroy(struct store *store) {
    struct qdrant_store *self = (struct qdrant_store *)store;
    if (self == NULL) return;
    qdrant_client_destroy(self->client);
    (void)pthread_mutex_destroy(&self->write_mutex);
    (void)pthread_mutex_destroy(&self->prepare_mutex);
    (void)pthread_mutex_destroy(&self->state_mutex);
    memory_free(self);
}

static const struct store_operations qdrant_operations = {
    .name = "qdrant",
    .is_shared = true,
    .destroy = qdrant_destroy,
    .put = qdrant_put,
    .replace = qdrant_replace,
    .put_many = qdrant_put_many,
    .put_vector = qdrant_put_vector,
    .update = qdrant_update,
    .get = qdrant_get,
    .get_vector = qdrant_get_vector,
    .get_vectors = qdrant_get_vectors,
    .list = qdrant_list,
    .list_without_vector = qdrant_list_without_vector,
    .remove = qdrant_remove,
    .search = qdrant_search,
    .search_words = qdrant_search_words,
    .search_hash = qdrant_search_hash,
    .count = qdrant_store_count,
    .list_spaces = qdrant_list_spaces,
    .get_active_space = qdrant_get_active_space,
    .set_active_space = qdrant_set_active_space,
    .remove_space = qdrant_remove_space,
    .check = qdrant_check,
    .measure = qdrant_measure,
};

static bool is_collection_name(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length < QDRANT_NAME_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               length;
}

struct store *qdrant_store_create(const struct qdrant_options *options, struct error *err) {
    if (!is_collection_name(options->collection)) {
        error_set(err, ERROR_USAGE,
                  "QDRANT_COLLECTION must be 1 to %d letters, digits, - and _, not \"%.80s\"",
                  QDRANT_NAME_SIZE - 1, options->collection);
        return NULL;
    }
    struct qdrant_client *client = qdrant_client_create(options->url, options->api_key, err);
    if (client == NULL) return NULL;
    struct qdrant_store *self = memory_alloc(sizeof *self);
    self->store.operations = &qdrant_operations;
    self->client = client;
    self->is_reader = options->is_reader;
    (void)snprintf(self->name, sizeof self->name, "%s", options->collection);
    (void)snprintf(self->images, sizeof self->images, "%s_images", self->name);
    (void)snprintf(self->spaces, sizeof self->spaces, "%s_spaces", self->name);
    (void)pthread_mutex_init(&self->write_mutex, NULL);
    (void)pthread_mutex_init(&self->prepare_mutex, NULL);
    (void)pthread_mutex_init(&self->state_mutex, NULL);
    atomic_init(&self->image_count, 0);
    atomic_init(&self->has_old_search, false);
    atomic_init(&self->may_have_pending, true);
    return &self->store;
}
