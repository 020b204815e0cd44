#include "store/vector_spaces.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

struct vector_space {
    struct vector_space *next;
    struct vector_index *index;
    char embedding_model[STORE_MODEL_SIZE];
};

void vector_spaces_init(struct vector_spaces *spaces) {
    *spaces = (struct vector_spaces){0};
    (void)pthread_mutex_init(&spaces->mutex, NULL);
}

void vector_spaces_clear(struct vector_spaces *spaces) {
    while (spaces->first != NULL) {
        struct vector_space *space = spaces->first;
        spaces->first = space->next;
        vector_index_destroy(space->index);
        memory_free(space);
    }
    (void)pthread_mutex_destroy(&spaces->mutex);
}

static struct vector_index *find_locked(const struct vector_spaces *spaces,
                                        const char *embedding_model) {
    for (struct vector_space *space = spaces->first; space != NULL; space = space->next)
        if (strcmp(space->embedding_model, embedding_model) == 0) return space->index;
    return NULL;
}

static struct vector_index *add_locked(struct vector_spaces *spaces, const char *embedding_model,
                                       size_t width, struct error *err) {
    struct vector_index *index = vector_index_create(width, err);
    if (index == NULL) return NULL;
    struct vector_space *space = memory_alloc(sizeof *space);
    (void)snprintf(space->embedding_model, sizeof space->embedding_model, "%s", embedding_model);
    space->index = index;
    space->next = spaces->first;
    spaces->first = space;
    return index;
}

static bool check_width(const struct vector_index *index, const char *embedding_model, size_t width,
                        struct error *err) {
    size_t stored = vector_index_width(index);
    if (stored == width) return true;
    return error_set(err, ERROR_CONFLICT,
                     "the stored vectors of the model %s have %zu numbers and this one has %zu: "
                     "another model took its name; start with the former model, or with an empty "
                     "data folder",
                     embedding_model, stored, width);
}

bool vector_spaces_find(struct vector_spaces *spaces, const char *embedding_model, size_t width,
                        struct vector_index **index, struct error *err) {
    (void)pthread_mutex_lock(&spaces->mutex);
    *index = find_locked(spaces, embedding_model);
    (void)pthread_mutex_unlock(&spaces->mutex);
    return *index == NULL || check_width(*index, embedding_model, width, err);
}

bool vector_spaces_put(struct vector_spaces *spaces, const char *embedding_model, int64_t key,
                       const float *vector, size_t width, struct error *err) {
    (void)pthread_mutex_lock(&spaces->mutex);
    struct vector_index *index = find_locked(spaces, embedding_model);
    if (index == NULL) index = add_locked(spaces, embedding_model, width, err);
    (void)pthread_mutex_unlock(&spaces->mutex);
    return index != NULL && check_width(index, embedding_model, width, err) &&
           vector_index_put(index, key, vector, err);
}

void vector_spaces_remove(struct vector_spaces *spaces, int64_t key) {
    (void)pthread_mutex_lock(&spaces->mutex);
    for (struct vector_space *space = spaces->first; space != NULL; space = space->next)
        (void)vector_index_remove(space->index, key);
    (void)pthread_mutex_unlock(&spaces->mutex);
}
