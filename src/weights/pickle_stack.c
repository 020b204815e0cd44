#include "weights/pickle_stack.h"

#include <string.h>

#include "base/memory.h"

bool pickle_stack_init(struct pickle_stack *pickle, const unsigned char *bytes, size_t size,
                       struct error *err) {
    *pickle = (struct pickle_stack){.bytes = bytes, .size = size};
    pickle->values = memory_try_array(size, sizeof *pickle->values);
    pickle->items = memory_try_array(size, sizeof *pickle->items);
    pickle->stack = memory_try_array(size, sizeof *pickle->stack);
    pickle->marks = memory_try_array(size, sizeof *pickle->marks);
    pickle->memo = memory_try_zeroed(size, sizeof *pickle->memo);
    if (pickle->values != NULL && pickle->items != NULL && pickle->stack != NULL &&
        pickle->marks != NULL && pickle->memo != NULL)
        return true;
    pickle_stack_clear(pickle);
    return error_set(err, ERROR_INTERNAL, "out of memory reading it (%zu bytes)", size);
}

void pickle_stack_clear(struct pickle_stack *pickle) {
    memory_free(pickle->values);
    memory_free(pickle->items);
    memory_free(pickle->stack);
    memory_free(pickle->marks);
    memory_free(pickle->memo);
    *pickle = (struct pickle_stack){0};
}

bool pickle_damaged(const struct pickle_stack *pickle, const char *what, struct error *err) {
    return error_set(err, ERROR_INVALID, "near byte %zu: %s; it is damaged", pickle->position,
                     what);
}

const unsigned char *pickle_take(struct pickle_stack *pickle, size_t count, struct error *err) {
    if (count > pickle->size - pickle->position) {
        pickle_damaged(pickle, "the pickle ends too early", err);
        return NULL;
    }
    pickle->position += count;
    return pickle->bytes + pickle->position - count;
}

bool pickle_take_integer(struct pickle_stack *pickle, size_t width, bool is_signed, int64_t *value,
                         struct error *err) {
    const unsigned char *bytes = pickle_take(pickle, width, err);
    if (bytes == NULL) return false;
    uint64_t bits = is_signed && width > 0 && bytes[width - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = width; i-- > 0;) bits = bits << 8 | bytes[i];
    memcpy(value, &bits, sizeof bits);
    return true;
}

void pickle_push_again(struct pickle_stack *pickle, uint32_t value) {
    pickle->stack[pickle->stack_count++] = value;
}

bool pickle_push(struct pickle_stack *pickle, struct pickle_value value) {
    pickle->values[pickle->value_count] = value;
    pickle_push_again(pickle, pickle->value_count++);
    return true;
}

// How many values lie above the last mark: what is below it is out of reach.
static uint32_t reachable(const struct pickle_stack *pickle) {
    uint32_t floor = pickle->mark_count > 0 ? pickle->marks[pickle->mark_count - 1] : 0;
    return pickle->stack_count - floor;
}

bool pickle_pop(struct pickle_stack *pickle, uint32_t *value, struct error *err) {
    if (reachable(pickle) == 0)
        return pickle_damaged(pickle, "a value is taken from an empty stack", err);
    *value = pickle->stack[--pickle->stack_count];
    return true;
}

const struct pickle_value *pickle_top(const struct pickle_stack *pickle) {
    if (reachable(pickle) == 0) return NULL;
    return &pickle->values[pickle->stack[pickle->stack_count - 1]];
}

static void append_item(struct pickle_stack *pickle, struct pickle_value *container,
                        uint32_t value) {
    pickle->items[pickle->item_count++] = (struct pickle_item){.value = value};
    if (container->items.count++ == 0)
        container->items.first = pickle->item_count;
    else
        pickle->items[container->items.last - 1].next = pickle->item_count;
    container->items.last = pickle->item_count;
}

// The values above `from` become the items of the container, in their order.
static void move_to_container(struct pickle_stack *pickle, struct pickle_value *container,
                              uint32_t from) {
    for (uint32_t i = from; i < pickle->stack_count; i++)
        append_item(pickle, container, pickle->stack[i]);
    pickle->stack_count = from;
}

bool pickle_push_tuple(struct pickle_stack *pickle, size_t count, struct error *err) {
    if (reachable(pickle) < count) return pickle_damaged(pickle, "a tuple lacks values", err);
    struct pickle_value tuple = {.kind = VALUE_TUPLE};
    move_to_container(pickle, &tuple, pickle->stack_count - (uint32_t)count);
    return pickle_push(pickle, tuple);
}

bool pickle_pop_mark(struct pickle_stack *pickle, uint32_t *from, struct error *err) {
    if (pickle->mark_count == 0) return pickle_damaged(pickle, "a mark is missing", err);
    *from = pickle->marks[--pickle->mark_count];
    return true;
}

bool pickle_extend(struct pickle_stack *pickle, enum value_kind kind, uint32_t from,
                   struct error *err) {
    uint32_t floor = pickle->mark_count > 0 ? pickle->marks[pickle->mark_count - 1] : 0;
    if (from <= floor || from > pickle->stack_count)
        return pickle_damaged(pickle, "a container is missing", err);
    struct pickle_value *container = &pickle->values[pickle->stack[from - 1]];
    if (container->kind != kind)
        return pickle_damaged(pickle, "values are put into no container", err);
    if (kind == VALUE_DICT && (pickle->stack_count - from) % 2 != 0)
        return pickle_damaged(pickle, "a key has no value", err);
    move_to_container(pickle, container, from);
    return true;
}

const struct pickle_value *pickle_item_at(const struct pickle_stack *pickle,
                                          const struct pickle_value *tuple, uint32_t index) {
    uint32_t item = tuple->items.first;
    while (index-- > 0) item = pickle->items[item - 1].next;
    return &pickle->values[pickle->items[item - 1].value];
}
