#include "store/vector_spaces.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

struct vector_space {
    struct vector_space *next;
    struct vector_index *index;
    size_t users;     // how often it is taken
    bool is_dropped;  // the last user destroys it
    char embedding_model[STORE_MODEL_SIZE];
};

void vector_spaces_init(struct vector_spaces *spaces) {
    *spaces = (struct vector_spaces){0};
    (void)pthread_mutex_init(&spaces->mutex, NULL);
}

static void destroy(struct vector_spaces *spaces, struct vector_space *space) {
    struct vector_space **link = &spaces->first;
    while (*link != space) link = &(*link)->next;
    *link = space->next;
    vector_index_destroy(space->index);
    memory_free(space);
}

void vector_spaces_clear(struct vector_spaces *spaces) {
    while (spaces->first != NULL) destroy(spaces, spaces->first);
    (void)pthread_mutex_destroy(&spaces->mutex);
}

static struct vector_space *find_locked(const struct vector_spaces *spaces,
                                        const char *embedding_model) {
    struct vector_space *space = spaces->first;
    while (space != NULL &&
           (space->is_dropped || strcmp(space->embedding_model, embedding_model) != 0))
        space = space->next;
    return space;
}

static struct vector_space *add_locked(struct vector_spaces *spaces, const char *embedding_model,
                                       size_t width, struct error *err) {
    struct vector_index *index = vector_index_create(width, NULL, 0, err);
    if (index == NULL) return NULL;
    struct vector_space *space = memory_alloc(sizeof *space);
    (void)snprintf(space->embedding_model, sizeof space->embedding_model, "%s", embedding_model);
    space->index = index;
    space->next = spaces->first;
    spaces->first = space;
    return space;
}

static bool check_width(const struct vector_space *space, size_t width, struct error *err) {
    size_t stored = vector_index_width(space->index);
    if (stored == width) return true;
    return error_set(err, ERROR_CONFLICT,
                     "the stored vectors of the model %s have %zu numbers and this one has %zu: "
                     "another model took its name; start with the former model, or with an empty "
                     "data folder",
                     space->embedding_model, stored, width);
}

bool vector_spaces_take(struct vector_spaces *spaces, const char *embedding_model, size_t width,
                        struct vector_index **index, struct error *err) {
    *index = NULL;
    (void)pthread_mutex_lock(&spaces->mutex);
    struct vector_space *space = find_locked(spaces, embedding_model);
    bool is_right = space == NULL || check_width(space, width, err);
    if (is_right && space != NULL) {
        space->users++;
        *index = space->index;
    }
    (void)pthread_mutex_unlock(&spaces->mutex);
    return is_right;
}

void vector_spaces_return(struct vector_spaces *spaces, struct vector_index *index) {
    if (index == NULL) return;
    (void)pthread_mutex_lock(&spaces->mutex);
    struct vector_space *space = spaces->first;
    while (space->index != index) space = space->next;
    if (--space->users == 0 && space->is_dropped) destroy(spaces, space);
    (void)pthread_mutex_unlock(&spaces->mutex);
}

bool vector_spaces_put(struct vector_spaces *spaces, const char *embedding_model, int64_t key,
                       const float *vector, size_t width, struct error *err) {
    return vector_spaces_put_many(spaces, embedding_model, &key, vector, 1, width, err);
}

bool vector_spaces_put_many(struct vector_spaces *spaces, const char *embedding_model,
                            const int64_t *keys, const float *vectors, size_t count, size_t width,
                            struct error *err) {
    (void)pthread_mutex_lock(&spaces->mutex);
    struct vector_space *space = find_locked(spaces, embedding_model);
    if (space == NULL) space = add_locked(spaces, embedding_model, width, err);
    bool is_right = space != NULL && check_width(space, width, err);
    if (is_right) space->users++;
    (void)pthread_mutex_unlock(&spaces->mutex);
    if (!is_right) return false;
    bool is_done = vector_index_put_many(space->index, keys, vectors, count, err);
    vector_spaces_return(spaces, space->index);
    return is_done;
}

void vector_spaces_remove(struct vector_spaces *spaces, int64_t key) {
    (void)pthread_mutex_lock(&spaces->mutex);
    for (struct vector_space *space = spaces->first; space != NULL; space = space->next)
        (void)vector_index_remove(space->index, key);
    (void)pthread_mutex_unlock(&spaces->mutex);
}

void vector_spaces_drop(struct vector_spaces *spaces, const char *embedding_model) {
    (void)pthread_mutex_lock(&spaces->mutex);
    struct vector_space *space = find_locked(spaces, embedding_model);
    if (space != NULL && space->users == 0)
        destroy(spaces, space);
    else if (space != NULL)
        space->is_dropped = true;
    (void)pthread_mutex_unlock(&spaces->mutex);
}

size_t vector_spaces_list(struct vector_spaces *spaces,
                          struct store_space list[static STORE_SPACES_MAX]) {
    size_t count = 0;
    (void)pthread_mutex_lock(&spaces->mutex);
    for (struct vector_space *space = spaces->first; space != NULL; space = space->next) {
        size_t vectors = vector_index_count(space->index);
        if (space->is_dropped || vectors == 0 || count == STORE_SPACES_MAX) continue;
        list[count].width = vector_index_width(space->index);
        list[count].count = vectors;
        memcpy(list[count++].embedding_model, space->embedding_model, STORE_MODEL_SIZE);
    }
    (void)pthread_mutex_unlock(&spaces->mutex);
    return count;
}

void vector_spaces_measure(struct vector_spaces *spaces, size_t *vectors, size_t *bytes) {
    *vectors = *bytes = 0;
    (void)pthread_mutex_lock(&spaces->mutex);
    for (struct vector_space *space = spaces->first; space != NULL; space = space->next) {
        *vectors += vector_index_count(space->index);
        *bytes += vector_index_memory_bytes(space->index);
    }
    (void)pthread_mutex_unlock(&spaces->mutex);
}
