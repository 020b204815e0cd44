// Texts numbered from 0 in the order they were added, found by text and by number. The texts are
// borrowed. Room for all is reserved once, so adding cannot fail.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct symbol {
    const char *text;  // not ended by NUL
    uint32_t size;
};

struct symbol_table {
    struct symbol *symbols;
    size_t count;
    uint32_t *slots;  // open addressing: number + 1, 0 = free
    size_t slot_count;
};

bool symbol_table_init(struct symbol_table *table, size_t capacity, struct error *err);
void symbol_table_clear(struct symbol_table *table);
// A text that is there already is found under its newest number, as in a Python dict.
void symbol_table_add(struct symbol_table *table, const char *text, size_t size);
int32_t symbol_table_find(const struct symbol_table *table, const char *text,
                          size_t size);  // or -1
