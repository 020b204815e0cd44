// The values of a pickle while it is read, cut down to data: numbers, texts, tuples, lists, dicts,
// and storages and tensors as descriptions. No array ever grows: an opcode is at least one byte and
// makes at most one value, so the pickle's size bounds the values, the stack, the marks, the memo
// and the items of all containers. Nothing recurses: a container is a list of value numbers.
#pragma once

#include "weights/weights.h"

enum value_kind {
    VALUE_OTHER,  // none, truth values, floats, the empty set: seen, never used
    VALUE_INTEGER,
    VALUE_TEXT,
    VALUE_NAME,
    VALUE_TUPLE,
    VALUE_LIST,
    VALUE_DICT,
    VALUE_STORAGE,
    VALUE_TENSOR
};

struct pickle_name;  // what a pickle may name (torch_pickle.c)

struct pickle_value {
    enum value_kind kind;
    union {
        int64_t integer;
        struct {
            const char *bytes;  // borrowed from the pickle
            size_t size;
        } text;
        const struct pickle_name *name;
        struct {
            uint32_t first, last, count;  // items, counted from 1; 0 = none
        } items;                          // of tuples, lists and dicts (key, value, key, …)
        uint32_t arguments;               // the tuple that describes a storage or a tensor
    };
};

struct pickle_item {
    uint32_t value, next;
};

struct pickle_stack {
    const unsigned char *bytes;  // the pickle, borrowed
    size_t size, position;
    struct pickle_value *values;
    struct pickle_item *items;
    uint32_t *stack, *marks;
    uint32_t *memo;  // value + 1 by memo number; 0 = nothing yet
    uint32_t value_count, item_count, stack_count, mark_count;
};

bool pickle_stack_init(struct pickle_stack *pickle, const unsigned char *bytes, size_t size,
                       struct error *err);
void pickle_stack_clear(struct pickle_stack *pickle);

// Reports that the pickle is damaged here; always false.
bool pickle_damaged(const struct pickle_stack *pickle, const char *what, struct error *err);
// The next `count` bytes of the program, or NULL.
const unsigned char *pickle_take(struct pickle_stack *pickle, size_t count, struct error *err);
// A number of up to 8 bytes, little-endian.
bool pickle_take_integer(struct pickle_stack *pickle, size_t width, bool is_signed, int64_t *value,
                         struct error *err);

bool pickle_push(struct pickle_stack *pickle, struct pickle_value value);
void pickle_push_again(struct pickle_stack *pickle, uint32_t value);
// What lies below the last mark is out of reach of these.
bool pickle_pop(struct pickle_stack *pickle, uint32_t *value, struct error *err);
const struct pickle_value *pickle_top(const struct pickle_stack *pickle);  // or NULL
bool pickle_pop_mark(struct pickle_stack *pickle, uint32_t *from, struct error *err);
// The uppermost `count` values become a tuple.
bool pickle_push_tuple(struct pickle_stack *pickle, size_t count, struct error *err);
// The values from place `from` of the stack on go into the container right below them.
bool pickle_extend(struct pickle_stack *pickle, enum value_kind kind, uint32_t from,
                   struct error *err);
// The item of a tuple; the caller has looked at the count.
const struct pickle_value *pickle_item_at(const struct pickle_stack *pickle,
                                          const struct pickle_value *tuple, uint32_t index);
