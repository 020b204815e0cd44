// Where each key's vector lies: a hash table of int64 keys to slots. Not locked; vector_index.c
// does that.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_entry {
    int64_t key;
    size_t slot;  // KEY_TABLE_EMPTY: no entry
};

struct key_table {
    struct key_entry *entries;  // [capacity]
    size_t capacity;            // 0 or a power of two
    size_t count;
};

#define KEY_TABLE_EMPTY SIZE_MAX

void key_table_clear(struct key_table *table);  // frees; a zeroed struct is an empty table
// The slot of the key, or KEY_TABLE_EMPTY.
size_t key_table_find(const struct key_table *table, int64_t key);
// Whether there is room for one more key.
bool key_table_has_room(const struct key_table *table);
// A copy of twice the capacity; false when memory is out. The caller clears the old one.
bool key_table_grow(const struct key_table *table, struct key_table *larger);
// Adds the key or changes its slot. There must be room.
void key_table_set(struct key_table *table, int64_t key, size_t slot);
void key_table_remove(struct key_table *table, int64_t key);  // which must be there
