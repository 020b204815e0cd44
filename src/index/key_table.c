// Open addressing with linear probing, at most three quarters full. Removal moves later entries
// of the run back into the hole, so there are no tombstones and searches stay short.
#include "index/key_table.h"

#include "base/memory.h"

enum { FIRST_CAPACITY = 64 };

// Steele, Lea and Flood's SplitMix64 finalizer: consecutive row ids spread over the table.
static size_t hash(int64_t key) {
    uint64_t h = (uint64_t)key;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9U;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebU;
    return (size_t)(h ^ (h >> 31));
}

// The entry of the key, or the empty one where it belongs.
static size_t locate(const struct key_table *table, int64_t key) {
    size_t mask = table->capacity - 1;
    size_t i = hash(key) & mask;
    while (table->entries[i].slot != KEY_TABLE_EMPTY && table->entries[i].key != key) {
        i = (i + 1) & mask;
    }
    return i;
}

void key_table_clear(struct key_table *table) {
    memory_free(table->entries);
    *table = (struct key_table){0};
}

size_t key_table_find(const struct key_table *table, int64_t key) {
    if (table->capacity == 0) return KEY_TABLE_EMPTY;
    return table->entries[locate(table, key)].slot;
}

bool key_table_has_room(const struct key_table *table) {
    return table->count + 1 <= table->capacity / 4 * 3;
}

bool key_table_grow(const struct key_table *table, struct key_table *larger) {
    *larger = (struct key_table){.capacity = FIRST_CAPACITY};
    if (table->capacity != 0 && !size_multiply(table->capacity, 2, &larger->capacity)) return false;
    larger->entries = memory_try_array(larger->capacity, sizeof *larger->entries);
    if (larger->entries == NULL) return false;
    for (size_t i = 0; i < larger->capacity; i++) larger->entries[i].slot = KEY_TABLE_EMPTY;
    for (size_t i = 0; i < table->capacity; i++) {
        const struct key_entry *entry = &table->entries[i];
        if (entry->slot != KEY_TABLE_EMPTY) key_table_set(larger, entry->key, entry->slot);
    }
    return true;
}

void key_table_set(struct key_table *table, int64_t key, size_t slot) {
    struct key_entry *entry = &table->entries[locate(table, key)];
    if (entry->slot == KEY_TABLE_EMPTY) table->count++;
    *entry = (struct key_entry){.key = key, .slot = slot};
}

void key_table_remove(struct key_table *table, int64_t key) {
    size_t mask = table->capacity - 1;
    size_t hole = locate(table, key);
    for (size_t i = (hole + 1) & mask; table->entries[i].slot != KEY_TABLE_EMPTY;
         i = (i + 1) & mask) {
        // An entry may fill the hole if its search would have passed it.
        size_t home = hash(table->entries[i].key) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        table->entries[hole] = table->entries[i];
        hole = i;
    }
    table->entries[hole].slot = KEY_TABLE_EMPTY;
    table->count--;
}
