// A model's weight file, opened read-only and mapped: safetensors, or the zip of PyTorch's
// torch.save (BLIP is published in no other form). Told apart by content. Nothing in the file is
// executed. After weights_open has returned, every tensor's bytes are known to lie inside the
// file, aligned or not; names are unique and printable ASCII. Several tensors may share bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum tensor_type {
    TENSOR_F32,
    TENSOR_F16,
    TENSOR_BF16,
    TENSOR_F64,
    TENSOR_I64,
    TENSOR_I32,
    TENSOR_I16,
    TENSOR_I8,
    TENSOR_U8,
    TENSOR_BOOL,
    TENSOR_TYPE_COUNT
};

enum { TENSOR_MAX_RANK = 8 };

struct tensor {
    const char *name;  // borrowed from the file
    enum tensor_type type;
    int rank;
    size_t shape[TENSOR_MAX_RANK];
    size_t count;               // elements
    const unsigned char *data;  // borrowed, little-endian, C-contiguous, maybe unaligned
    size_t size_bytes;
};

struct weights;

struct weights *weights_open(const char *path, struct error *err);
void weights_close(struct weights *weights);
size_t weights_count(const struct weights *weights);
const struct tensor *weights_at(const struct weights *weights, size_t index);
const struct tensor *weights_find(const struct weights *weights, const char *name);  // or NULL
const char *weights_path(const struct weights *weights);

// Finds the tensor and demands this shape and a floating-point type (F32, F16, BF16). The error
// names the file, the tensor, what was found and what the config asks for.
const struct tensor *weights_require(const struct weights *weights, const char *name, int rank,
                                     const size_t *shape, struct error *err);

// Copies a tensor of F32, F16 or BF16 into floats; out is [tensor->count].
void tensor_copy_f32(const struct tensor *tensor, float *out);
// The data itself when it is F32 and aligned to 4 bytes, else NULL (copy instead).
const float *tensor_borrow_f32(const struct tensor *tensor);
// Tells the kernel that the tensor has been copied and its pages may go.
void weights_forget(const struct weights *weights, const struct tensor *tensor);
const char *tensor_type_name(enum tensor_type type);  // "F32"
