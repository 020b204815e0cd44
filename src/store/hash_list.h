// The perceptual hashes of all images in memory, compared one by one: a million of them are looked
// through in about a millisecond. Any thread, except init and clear.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_entry {
    uint64_t hash;
    int64_t row;
};

struct hash_match {
    int64_t row;
    unsigned distance;  // bits that differ
};

struct hash_list {
    pthread_rwlock_t lock;
    struct hash_entry *entries;  // [capacity], the first `count` in any order
    size_t count;
    size_t capacity;
};

void hash_list_init(struct hash_list *list);
void hash_list_clear(struct hash_list *list);
bool hash_list_add(struct hash_list *list, int64_t row, uint64_t hash);  // false: out of memory
void hash_list_remove(struct hash_list *list, int64_t row);              // if it is there
// The k nearest with at most `distance` bits apart, nearest first, equals by row; returns how many.
size_t hash_list_search(struct hash_list *list, uint64_t hash, unsigned distance, size_t k,
                        struct hash_match *matches);
