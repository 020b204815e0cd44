// What the two readers and weights.c share. A reader reserves room for all tensors, then adds each
// with its bytes already known to lie inside the file. Texts of errors come without the file's
// name: weights_open puts it in front.
#pragma once

#include <stdint.h>

#include "base/file.h"
#include "weights/weights.h"

struct weights {
    char *path;
    struct mapped_file file;
    struct tensor *tensors;  // names are ours, one block each
    size_t count;
    size_t capacity;
    uint32_t *slots;  // open addressing by name: index + 1, 0 = free
    size_t slot_count;
};

// Once, before the first weights_add.
bool weights_reserve(struct weights *weights, size_t count, struct error *err);
// A new tensor under a copy of this name; the reader fills in the rest. Refuses a name that is
// there already, or that is not printable ASCII: it goes into error texts, and no model has
// another.
struct tensor *weights_add(struct weights *weights, const char *name, size_t name_size,
                           struct error *err);

bool safetensors_read(struct weights *weights, struct error *err);
bool torch_zip_read(struct weights *weights, struct error *err);

size_t tensor_type_size(enum tensor_type type);
// false when there is no such type among ours.
bool tensor_type_parse(const char *name, enum tensor_type *type);
// Sets count and size_bytes from type, rank and shape; false when they overflow.
bool tensor_measure(struct tensor *tensor);
