#include "store/hash_list.h"

#include <string.h>

#include "base/memory.h"

enum { FIRST_CAPACITY = 64 };

void hash_list_init(struct hash_list *list) {
    *list = (struct hash_list){0};
    (void)pthread_rwlock_init(&list->lock, NULL);
}

void hash_list_clear(struct hash_list *list) {
    memory_free(list->entries);
    (void)pthread_rwlock_destroy(&list->lock);
}

bool hash_list_add(struct hash_list *list, int64_t row, uint64_t hash) {
    (void)pthread_rwlock_wrlock(&list->lock);
    bool has_room = list->count < list->capacity;
    if (!has_room) {
        size_t capacity = list->capacity == 0 ? FIRST_CAPACITY : list->capacity * 2;
        struct hash_entry *larger = memory_try_resize(list->entries, capacity, sizeof *larger);
        has_room = larger != NULL;
        if (has_room) {
            list->entries = larger;
            list->capacity = capacity;
        }
    }
    if (has_room) list->entries[list->count++] = (struct hash_entry){.hash = hash, .row = row};
    (void)pthread_rwlock_unlock(&list->lock);
    return has_room;
}

void hash_list_remove(struct hash_list *list, int64_t row) {
    (void)pthread_rwlock_wrlock(&list->lock);
    // From the end: what is removed has most often just been added.
    size_t i = list->count;
    while (i > 0 && list->entries[i - 1].row != row) i--;
    if (i > 0) list->entries[i - 1] = list->entries[--list->count];
    (void)pthread_rwlock_unlock(&list->lock);
}

static bool is_nearer(struct hash_match a, struct hash_match b) {
    return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
}

size_t hash_list_search(struct hash_list *list, uint64_t hash, unsigned distance, size_t k,
                        struct hash_match *matches) {
    size_t count = 0;
    if (k == 0) return 0;
    (void)pthread_rwlock_rdlock(&list->lock);
    for (size_t i = 0; i < list->count; i++) {
        struct hash_match match = {
            .row = list->entries[i].row,
            .distance = (unsigned)__builtin_popcountll(list->entries[i].hash ^ hash)};
        if (match.distance > distance || (count == k && !is_nearer(match, matches[k - 1])))
            continue;
        size_t place = count < k ? count++ : k - 1;
        while (place > 0 && is_nearer(match, matches[place - 1])) {
            matches[place] = matches[place - 1];
            place--;
        }
        matches[place] = match;
    }
    (void)pthread_rwlock_unlock(&list->lock);
    return count;
}
