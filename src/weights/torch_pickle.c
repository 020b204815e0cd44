// The program of a data.pkl: the opcodes and names that a state dict needs, in two tables, and what
// they mean. What Python would call, we only recognise: the arguments of a call are kept as they
// are, and become a description of the tensor at the end, when the outermost dict is walked.
#include "weights/torch_pickle.h"

#include <string.h>

#include "base/memory.h"
#include "weights/pickle_stack.h"

enum {
    MAX_PICKLE_BYTES = 4 << 20,  // some 130 bytes describe a tensor
    MAX_SHOWN = 60               // bytes of a text from the file in an error's
};

enum name_kind { NAME_ORDERED_DICT, NAME_REBUILD_TENSOR, NAME_REBUILD_PARAMETER, NAME_STORAGE };

static const struct pickle_name {
    const char *module, *name;
    enum name_kind kind;
    enum tensor_type type;  // of NAME_STORAGE
} allowed_names[] = {
    {"collections", "OrderedDict", NAME_ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", NAME_REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", NAME_REBUILD_PARAMETER, 0},
    {"torch", "FloatStorage", NAME_STORAGE, TENSOR_F32},
    {"torch", "HalfStorage", NAME_STORAGE, TENSOR_F16},
    {"torch", "BFloat16Storage", NAME_STORAGE, TENSOR_BF16},
    {"torch", "DoubleStorage", NAME_STORAGE, TENSOR_F64},
    {"torch", "LongStorage", NAME_STORAGE, TENSOR_I64},
    {"torch", "IntStorage", NAME_STORAGE, TENSOR_I32},
    {"torch", "ShortStorage", NAME_STORAGE, TENSOR_I16},
    {"torch", "CharStorage", NAME_STORAGE, TENSOR_I8},
    {"torch", "ByteStorage", NAME_STORAGE, TENSOR_U8},
    {"torch", "BoolStorage", NAME_STORAGE, TENSOR_BOOL},
};

// How much of a text from the file an error may show.
static int printable(const char *text, size_t size) {
    int shown = 0;
    while (shown < MAX_SHOWN && (size_t)shown < size && text[shown] >= ' ' && text[shown] <= '~')
        shown++;
    return shown;
}

static bool text_equals(const struct pickle_value *value, const char *text) {
    return value->kind == VALUE_TEXT && value->text.size == strlen(text) &&
           memcmp(value->text.bytes, text, value->text.size) == 0;
}

// --- One function an opcode, or a group of them that differ in a number ---

static bool push_kind(struct pickle_stack *pickle, int kind, struct error *err) {
    (void)err;
    return pickle_push(pickle, (struct pickle_value){.kind = (enum value_kind)kind});
}

static bool push_float(struct pickle_stack *pickle, int width, struct error *err) {
    return pickle_take(pickle, (size_t)width, err) != NULL && push_kind(pickle, VALUE_OTHER, err);
}

static bool push_mark(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused, (void)err;
    pickle->marks[pickle->mark_count++] = pickle->stack_count;
    return true;
}

// One line of a GLOBAL's two, without its end.
static bool take_line(struct pickle_stack *pickle, struct pickle_value *line, struct error *err) {
    const unsigned char *start = pickle->bytes + pickle->position;
    const unsigned char *end = memchr(start, '\n', pickle->size - pickle->position);
    if (end == NULL) return pickle_damaged(pickle, "a name has no end", err);
    line->kind = VALUE_TEXT;
    line->text.bytes = (const char *)start;
    line->text.size = (size_t)(end - start);
    pickle->position += line->text.size + 1;
    return true;
}

static bool push_name(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused;
    struct pickle_value module = {0}, name = {0};
    if (!take_line(pickle, &module, err) || !take_line(pickle, &name, err)) return false;
    for (size_t i = 0; i < sizeof allowed_names / sizeof *allowed_names; i++) {
        const struct pickle_name *allowed = &allowed_names[i];
        if (text_equals(&module, allowed->module) && text_equals(&name, allowed->name))
            return pickle_push(pickle, (struct pickle_value){.kind = VALUE_NAME, .name = allowed});
    }
    return error_set(err, ERROR_UNSUPPORTED,
                     "it names \"%.*s.%.*s\", which is refused: a state dict holds only tensors, "
                     "and other names can run code in programs that load them",
                     printable(module.text.bytes, module.text.size), module.text.bytes,
                     printable(name.text.bytes, name.text.size), name.text.bytes);
}

static bool push_text(struct pickle_stack *pickle, int width, struct error *err) {
    int64_t size = 0;
    if (!pickle_take_integer(pickle, (size_t)width, false, &size, err)) return false;
    const unsigned char *bytes = pickle_take(pickle, (size_t)size, err);
    if (bytes == NULL) return false;
    struct pickle_value value = {.kind = VALUE_TEXT};
    value.text.bytes = (const char *)bytes;
    value.text.size = (size_t)size;
    return pickle_push(pickle, value);
}

static bool push_unsigned(struct pickle_stack *pickle, int width, struct error *err) {
    struct pickle_value value = {.kind = VALUE_INTEGER};
    return pickle_take_integer(pickle, (size_t)width, false, &value.integer, err) &&
           pickle_push(pickle, value);
}

static bool push_signed(struct pickle_stack *pickle, int width, struct error *err) {
    struct pickle_value value = {.kind = VALUE_INTEGER};
    return pickle_take_integer(pickle, (size_t)width, true, &value.integer, err) &&
           pickle_push(pickle, value);
}

static bool push_long(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused;
    int64_t width = 0;
    if (!pickle_take_integer(pickle, 1, false, &width, err)) return false;
    if (width > (int64_t)sizeof(int64_t))
        return pickle_damaged(pickle, "a number is too large", err);
    return push_signed(pickle, (int)width, err);
}

static bool put_memo(struct pickle_stack *pickle, int width, struct error *err) {
    int64_t number = 0;
    if (!pickle_take_integer(pickle, (size_t)width, false, &number, err)) return false;
    if ((size_t)number >= pickle->size)
        return pickle_damaged(pickle, "a memo number is too large", err);
    if (pickle_top(pickle) == NULL)
        return pickle_damaged(pickle, "there is nothing to remember", err);
    pickle->memo[number] = pickle->stack[pickle->stack_count - 1] + 1;
    return true;
}

static bool get_memo(struct pickle_stack *pickle, int width, struct error *err) {
    int64_t number = 0;
    if (!pickle_take_integer(pickle, (size_t)width, false, &number, err)) return false;
    if ((size_t)number >= pickle->size || pickle->memo[number] == 0)
        return pickle_damaged(pickle, "a memo number is unknown", err);
    pickle_push_again(pickle, pickle->memo[number] - 1);
    return true;
}

static bool push_tuple(struct pickle_stack *pickle, int count, struct error *err) {
    return pickle_push_tuple(pickle, (size_t)count, err);
}

static bool push_marked_tuple(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused;
    uint32_t from = 0;
    return pickle_pop_mark(pickle, &from, err) &&
           pickle_push_tuple(pickle, pickle->stack_count - from, err);
}

static bool append_one(struct pickle_stack *pickle, int kind, struct error *err) {
    uint32_t values = kind == VALUE_DICT ? 2 : 1;
    if (pickle->stack_count < values)
        return pickle_damaged(pickle, "a value is taken from an empty stack", err);
    return pickle_extend(pickle, (enum value_kind)kind, pickle->stack_count - values, err);
}

static bool append_marked(struct pickle_stack *pickle, int kind, struct error *err) {
    uint32_t from = 0;
    return pickle_pop_mark(pickle, &from, err) &&
           pickle_extend(pickle, (enum value_kind)kind, from, err);
}

// BINPERSID: ("storage", type, key, location, count) becomes a storage. A tuple never changes once
// it is made, so keeping it is as good as copying what is in it.
static bool push_storage(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused;
    uint32_t arguments = 0;
    if (!pickle_pop(pickle, &arguments, err)) return false;
    const struct pickle_value *tuple = &pickle->values[arguments];
    if (tuple->kind != VALUE_TUPLE || tuple->items.count != 5)
        return pickle_damaged(pickle, "a storage is not described by five values", err);
    const struct pickle_value *type = pickle_item_at(pickle, tuple, 1);
    const struct pickle_value *count = pickle_item_at(pickle, tuple, 4);
    if (!text_equals(pickle_item_at(pickle, tuple, 0), "storage") || type->kind != VALUE_NAME ||
        type->name->kind != NAME_STORAGE || pickle_item_at(pickle, tuple, 2)->kind != VALUE_TEXT ||
        count->kind != VALUE_INTEGER || count->integer < 0)
        return pickle_damaged(pickle, "a storage is described wrongly", err);
    return pickle_push(pickle,
                       (struct pickle_value){.kind = VALUE_STORAGE, .arguments = arguments});
}

// REDUCE and NEWOBJ.
static bool push_call(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused;
    uint32_t arguments = 0, callee = 0;
    if (!pickle_pop(pickle, &arguments, err) || !pickle_pop(pickle, &callee, err)) return false;
    const struct pickle_value *tuple = &pickle->values[arguments];
    const struct pickle_value *value = &pickle->values[callee];
    if (value->kind != VALUE_NAME || tuple->kind != VALUE_TUPLE)
        return pickle_damaged(pickle, "something is called that is no function", err);
    const struct pickle_name *name = value->name;
    if (name->kind == NAME_ORDERED_DICT && tuple->items.count == 0)
        return push_kind(pickle, VALUE_DICT, err);
    if (name->kind == NAME_REBUILD_TENSOR && tuple->items.count == 6)
        return pickle_push(pickle,
                           (struct pickle_value){.kind = VALUE_TENSOR, .arguments = arguments});
    // (tensor, requires_grad, hooks): to us a parameter is its tensor.
    if (name->kind == NAME_REBUILD_PARAMETER && tuple->items.count == 3 &&
        pickle_item_at(pickle, tuple, 0)->kind == VALUE_TENSOR)
        return pickle_push(pickle, *pickle_item_at(pickle, tuple, 0));
    return error_set(err, ERROR_UNSUPPORTED, "it calls %s.%s in a way that is not supported",
                     name->module, name->name);
}

// BUILD sets attributes. An OrderedDict from Module.state_dict() gets _metadata, which says nothing
// about the tensors.
static bool drop_attributes(struct pickle_stack *pickle, int unused, struct error *err) {
    (void)unused;
    uint32_t attributes = 0;
    if (!pickle_pop(pickle, &attributes, err)) return false;
    const struct pickle_value *object = pickle_top(pickle);
    if (object == NULL || object->kind != VALUE_DICT)
        return pickle_damaged(pickle, "attributes are set on no dict", err);
    return true;
}

// All opcodes that are understood, as CPython's pickletools names them. STOP ('.') is in run().
static const struct {
    bool (*run)(struct pickle_stack *pickle, int argument, struct error *err);
    int argument;
} opcodes[256] = {
    ['}'] = {push_kind, VALUE_DICT},       // EMPTY_DICT
    [']'] = {push_kind, VALUE_LIST},       // EMPTY_LIST
    [')'] = {push_kind, VALUE_TUPLE},      // EMPTY_TUPLE
    [0x8F] = {push_kind, VALUE_OTHER},     // EMPTY_SET
    ['N'] = {push_kind, VALUE_OTHER},      // NONE
    [0x88] = {push_kind, VALUE_OTHER},     // NEWTRUE
    [0x89] = {push_kind, VALUE_OTHER},     // NEWFALSE
    ['G'] = {push_float, sizeof(double)},  // BINFLOAT
    ['('] = {push_mark, 0},                // MARK
    ['c'] = {push_name, 0},                // GLOBAL
    ['X'] = {push_text, 4},                // BINUNICODE
    ['U'] = {push_text, 1},                // SHORT_BINSTRING
    ['J'] = {push_signed, 4},              // BININT
    ['K'] = {push_unsigned, 1},            // BININT1
    ['M'] = {push_unsigned, 2},            // BININT2
    [0x8A] = {push_long, 0},               // LONG1
    ['q'] = {put_memo, 1},                 // BINPUT
    ['r'] = {put_memo, 4},                 // LONG_BINPUT
    ['h'] = {get_memo, 1},                 // BINGET
    ['j'] = {get_memo, 4},                 // LONG_BINGET
    [0x85] = {push_tuple, 1},              // TUPLE1
    [0x86] = {push_tuple, 2},              // TUPLE2
    [0x87] = {push_tuple, 3},              // TUPLE3
    ['t'] = {push_marked_tuple, 0},        // TUPLE
    ['a'] = {append_one, VALUE_LIST},      // APPEND
    ['e'] = {append_marked, VALUE_LIST},   // APPENDS
    ['s'] = {append_one, VALUE_DICT},      // SETITEM
    ['u'] = {append_marked, VALUE_DICT},   // SETITEMS
    ['Q'] = {push_storage, 0},             // BINPERSID
    ['R'] = {push_call, 0},                // REDUCE
    [0x81] = {push_call, 0},               // NEWOBJ
    ['b'] = {drop_attributes, 0},          // BUILD
};

// Runs to STOP; the one value left must be the state dict.
static const struct pickle_value *run(struct pickle_stack *pickle, struct error *err) {
    const unsigned char *start = pickle_take(pickle, 2, err);
    if (start == NULL) return NULL;
    if (start[0] != 0x80 || start[1] != 2) {  // PROTO
        error_set(err, ERROR_UNSUPPORTED, "it is not a pickle of protocol 2, as torch.save writes");
        return NULL;
    }
    for (;;) {
        const unsigned char *opcode = pickle_take(pickle, 1, err);
        if (opcode == NULL) return NULL;
        if (*opcode == '.') break;
        if (opcodes[*opcode].run == NULL) {
            error_set(err, ERROR_UNSUPPORTED,
                      "near byte %zu: the opcode 0x%02x is refused: a state dict does not need it",
                      pickle->position, *opcode);
            return NULL;
        }
        if (!opcodes[*opcode].run(pickle, opcodes[*opcode].argument, err)) return NULL;
    }
    if (pickle->stack_count != 1 || pickle->mark_count != 0) {
        pickle_damaged(pickle, "at its end there is not one value", err);
        return NULL;
    }
    const struct pickle_value *result = pickle_top(pickle);
    if (result->kind == VALUE_DICT) return result;
    error_set(err, ERROR_UNSUPPORTED, "it holds no state dict (names and their tensors)");
    return NULL;
}

static bool read_sizes(const struct pickle_stack *pickle, const struct pickle_value *tuple,
                       size_t sizes[static TENSOR_MAX_RANK], int *rank) {
    if (tuple->kind != VALUE_TUPLE || tuple->items.count > TENSOR_MAX_RANK) return false;
    *rank = (int)tuple->items.count;
    for (uint32_t i = 0; i < tuple->items.count; i++) {
        const struct pickle_value *size = pickle_item_at(pickle, tuple, i);
        if (size->kind != VALUE_INTEGER || size->integer < 0) return false;
        sizes[i] = (size_t)size->integer;
    }
    return true;
}

// _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks)
static bool describe_tensor(const struct pickle_stack *pickle, const struct pickle_value *value,
                            struct pickle_tensor *tensor) {
    const struct pickle_value *tuple = &pickle->values[value->arguments];
    const struct pickle_value *storage = pickle_item_at(pickle, tuple, 0);
    const struct pickle_value *offset = pickle_item_at(pickle, tuple, 1);
    int stride_rank;
    if (storage->kind != VALUE_STORAGE || offset->kind != VALUE_INTEGER || offset->integer < 0 ||
        !read_sizes(pickle, pickle_item_at(pickle, tuple, 2), tensor->shape, &tensor->rank) ||
        !read_sizes(pickle, pickle_item_at(pickle, tuple, 3), tensor->stride, &stride_rank) ||
        stride_rank != tensor->rank)
        return false;
    tensor->offset = (size_t)offset->integer;
    tuple = &pickle->values[storage->arguments];
    const struct pickle_value *key = pickle_item_at(pickle, tuple, 2);
    tensor->type = pickle_item_at(pickle, tuple, 1)->name->type;
    tensor->storage_key = key->text.bytes;
    tensor->storage_key_size = key->text.size;
    tensor->storage_count = (size_t)pickle_item_at(pickle, tuple, 4)->integer;
    return true;
}

static bool describe_entries(const struct pickle_stack *pickle, const struct pickle_value *dict,
                             struct pickle_tensor *tensors, struct error *err) {
    size_t count = 0;
    for (uint32_t item = dict->items.first; item != 0;) {
        const struct pickle_item *key_item = &pickle->items[item - 1];
        const struct pickle_item *value_item = &pickle->items[key_item->next - 1];
        const struct pickle_value *key = &pickle->values[key_item->value];
        const struct pickle_value *value = &pickle->values[value_item->value];
        item = value_item->next;
        if (key->kind != VALUE_TEXT)
            return error_set(err, ERROR_UNSUPPORTED, "a key of its dict is not text");
        int shown = printable(key->text.bytes, key->text.size);
        if (value->kind != VALUE_TENSOR)
            return error_set(err, ERROR_UNSUPPORTED,
                             "\"%.*s\" is not a tensor; the file must hold a plain state dict",
                             shown, key->text.bytes);
        struct pickle_tensor *tensor = &tensors[count++];
        tensor->name = key->text.bytes;
        tensor->name_size = key->text.size;
        if (!describe_tensor(pickle, value, tensor))
            return error_set(err, ERROR_INVALID,
                             "tensor \"%.*s\" is described wrongly, or has more than %d dimensions",
                             shown, key->text.bytes, TENSOR_MAX_RANK);
    }
    return true;
}

struct pickle_tensor *torch_pickle_read_create(const unsigned char *bytes, size_t size,
                                               size_t *count, struct error *err) {
    struct pickle_stack pickle;
    struct pickle_tensor *tensors = NULL;
    if (size > MAX_PICKLE_BYTES) {
        error_set(err, ERROR_TOO_LARGE, "it has %zu bytes; the limit is %d", size,
                  MAX_PICKLE_BYTES);
        return NULL;
    }
    if (!pickle_stack_init(&pickle, bytes, size, err)) return NULL;
    const struct pickle_value *dict = run(&pickle, err);
    if (dict == NULL) goto out;
    *count = dict->items.count / 2;
    tensors = memory_try_zeroed(*count, sizeof *tensors);
    if (tensors == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for %zu tensors", *count);
    } else if (!describe_entries(&pickle, dict, tensors, err)) {
        memory_free(tensors);
        tensors = NULL;
    }
out:
    pickle_stack_clear(&pickle);
    return tensors;
}
