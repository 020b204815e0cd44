// Reads the data.pkl of a torch.save file: a pickle that describes a state dict, names and where
// each tensor's elements lie. The pickle is a small program; only the opcodes and the names that a
// state dict needs are understood, none of them runs anything, and all others are refused by name.
#pragma once

#include "weights/weights.h"

struct pickle_tensor {
    const char *name;  // borrowed from the pickle, not ended by NUL
    size_t name_size;
    const char *storage_key;  // likewise: the elements are in the zip entry data/<key>
    size_t storage_key_size;
    enum tensor_type type;
    size_t storage_count;  // elements in the storage
    size_t offset;         // of the first, in elements
    int rank;
    size_t shape[TENSOR_MAX_RANK];
    size_t stride[TENSOR_MAX_RANK];  // in elements
};

// The tensors in the order of the file; the caller frees with memory_free. NULL on error.
struct pickle_tensor *torch_pickle_read_create(const unsigned char *bytes, size_t size,
                                               size_t *count, struct error *err);
