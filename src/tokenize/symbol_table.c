#include "tokenize/symbol_table.h"

#include <string.h>

#include "base/memory.h"

bool symbol_table_init(struct symbol_table *table, size_t capacity, struct error *err) {
    *table = (struct symbol_table){0};
    if (capacity >= INT32_MAX / 2)
        return error_set(err, ERROR_TOO_LARGE, "a vocabulary of %zu entries is too large",
                         capacity);
    table->slot_count = 2 * capacity + 1;  // at most half full
    table->symbols = memory_try_array(capacity, sizeof *table->symbols);
    table->slots = memory_try_zeroed(table->slot_count, sizeof *table->slots);
    if (table->symbols != NULL && table->slots != NULL) return true;
    symbol_table_clear(table);
    return error_set(err, ERROR_INTERNAL, "out of memory for a vocabulary of %zu entries",
                     capacity);
}

void symbol_table_clear(struct symbol_table *table) {
    memory_free(table->symbols);
    memory_free(table->slots);
    *table = (struct symbol_table){0};
}

// FNV-1a, 64 bits (offset basis and prime as its authors publish them).
static uint64_t text_hash(const char *text, size_t size) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    return hash;
}

// The slot that holds this text, or the free one where it belongs.
static size_t find_slot(const struct symbol_table *table, const char *text, size_t size) {
    size_t slot = (size_t)(text_hash(text, size) % table->slot_count);
    for (; table->slots[slot] != 0; slot = slot + 1 < table->slot_count ? slot + 1 : 0) {
        const struct symbol *symbol = &table->symbols[table->slots[slot] - 1];
        if (symbol->size == size && memcmp(symbol->text, text, size) == 0) break;
    }
    return slot;
}

void symbol_table_add(struct symbol_table *table, const char *text, size_t size) {
    table->symbols[table->count++] = (struct symbol){text, (uint32_t)size};
    table->slots[find_slot(table, text, size)] = (uint32_t)table->count;
}

int32_t symbol_table_find(const struct symbol_table *table, const char *text, size_t size) {
    return (int32_t)table->slots[find_slot(table, text, size)] - 1;
}
