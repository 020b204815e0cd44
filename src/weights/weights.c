// Opens a weight file of either format and finds its tensors by name. Read-only after
// weights_open: any number of threads.
#include "weights/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "weights/weights_internal.h"

enum {
    LABEL_BYTES = 160,  // of a long path, the end: room for the sentence in an error's text
    SHAPE_TEXT_SIZE = 192
};

static const char *path_label(const char *path) {
    size_t length = strlen(path);
    return length <= LABEL_BYTES ? path : path + length - LABEL_BYTES;
}

// FNV-1a, 64 bits (offset basis and prime as its authors publish them).
static uint64_t name_hash(const char *name, size_t size) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
    return hash;
}

// The slot that holds this name, or the free one where it belongs.
static size_t find_slot(const struct weights *weights, const char *name, size_t size) {
    size_t slot = (size_t)(name_hash(name, size) % weights->slot_count);
    for (;; slot = (slot + 1) % weights->slot_count) {
        uint32_t entry = weights->slots[slot];
        if (entry == 0) return slot;
        const char *other = weights->tensors[entry - 1].name;
        if (strncmp(other, name, size) == 0 && other[size] == '\0') return slot;
    }
}

bool weights_reserve(struct weights *weights, size_t count, struct error *err) {
    if (count >= UINT32_MAX / 2)
        return error_set(err, ERROR_TOO_LARGE, "it holds more tensors than we can count");
    weights->tensors = memory_try_zeroed(count, sizeof *weights->tensors);
    weights->slot_count = 2 * count + 1;  // at most half full
    weights->slots = memory_try_zeroed(weights->slot_count, sizeof *weights->slots);
    if (weights->tensors == NULL || weights->slots == NULL)
        return error_set(err, ERROR_INTERNAL, "out of memory for the list of %zu tensors", count);
    weights->capacity = count;
    return true;
}

struct tensor *weights_add(struct weights *weights, const char *name, size_t name_size,
                           struct error *err) {
    for (size_t i = 0; i < name_size; i++) {
        if (name[i] >= ' ' && name[i] <= '~') continue;
        error_set(err, ERROR_INVALID, "the name of tensor number %zu is not printable ASCII text",
                  weights->count + 1);
        return NULL;
    }
    size_t slot = find_slot(weights, name, name_size);
    if (weights->slots[slot] != 0) {
        error_set(err, ERROR_INVALID, "tensor \"%.*s\" is there twice",
                  (int)(name_size < LABEL_BYTES ? name_size : LABEL_BYTES), name);
        return NULL;
    }
    char *copy = memory_try(name_size + 1);
    if (copy == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory for the names of the tensors");
        return NULL;
    }
    if (name_size > 0) memcpy(copy, name, name_size);
    copy[name_size] = '\0';
    struct tensor *added = &weights->tensors[weights->count++];
    added->name = copy;
    weights->slots[slot] = (uint32_t)weights->count;
    return added;
}

static bool starts_with(const struct mapped_file *file, const void *magic, size_t size) {
    return file->size >= size && memcmp(file->bytes, magic, size) == 0;
}

// By content. What is none of the known kinds goes to the safetensors reader, whose format has no
// magic number; it says what is wrong.
static bool read_tensors(struct weights *weights, struct error *err) {
    // Protocol 2 and the first bytes of the magic number of torch.save before 1.6.
    static const unsigned char legacy_magic[] = {0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C};
    static const char pointer_magic[] = "version https://git-lfs";
    const struct mapped_file *file = &weights->file;
    if (file->size == 0) return error_set(err, ERROR_INVALID, "the file is empty");
    if (starts_with(file, "PK\x03\x04", 4)) return torch_zip_read(weights, err);
    if (starts_with(file, legacy_magic, sizeof legacy_magic))
        return error_set(err, ERROR_UNSUPPORTED,
                         "it was written by PyTorch before 1.6, in a format that is not supported; "
                         "load and save it with a newer PyTorch, or as safetensors");
    if (starts_with(file, pointer_magic, sizeof pointer_magic - 1))
        return error_set(err, ERROR_INVALID,
                         "it is only a Git LFS pointer to the weights; fetch them with git lfs "
                         "pull, or with imgrouter models pull");
    return safetensors_read(weights, err);
}

struct weights *weights_open(const char *path, struct error *err) {
    struct weights *weights = memory_try_zeroed(1, sizeof *weights);
    char *path_copy = memory_try(strlen(path) + 1);
    if (weights == NULL || path_copy == NULL) {
        error_set(err, ERROR_INTERNAL, "out of memory opening %s", path_label(path));
        memory_free(weights);
        memory_free(path_copy);
        return NULL;
    }
    memcpy(path_copy, path, strlen(path) + 1);
    weights->path = path_copy;
    if (!mapped_file_open(&weights->file, path, err)) goto out;
    if (read_tensors(weights, err)) return weights;
    error_wrap(err, "%s", path_label(path));
out:
    weights_close(weights);
    return NULL;
}

void weights_close(struct weights *weights) {
    if (weights == NULL) return;
    for (size_t i = 0; i < weights->count; i++)
        memory_free((void *)(uintptr_t)weights->tensors[i].name);
    memory_free(weights->tensors);
    memory_free(weights->slots);
    memory_free(weights->path);
    mapped_file_close(&weights->file);
    memory_free(weights);
}

size_t weights_count(const struct weights *weights) { return weights->count; }

const struct tensor *weights_at(const struct weights *weights, size_t index) {
    return &weights->tensors[index];
}

const char *weights_path(const struct weights *weights) { return weights->path; }

const struct tensor *weights_find(const struct weights *weights, const char *name) {
    uint32_t entry = weights->slots[find_slot(weights, name, strlen(name))];
    return entry == 0 ? NULL : &weights->tensors[entry - 1];
}

// "[768, 512]"
static const char *shape_text(const size_t *shape, int rank, char text[static SHAPE_TEXT_SIZE]) {
    size_t used = (size_t)snprintf(text, SHAPE_TEXT_SIZE, "[");
    for (int i = 0; i < rank; i++) {
        used += (size_t)snprintf(text + used, SHAPE_TEXT_SIZE - used, "%s%zu", i > 0 ? ", " : "",
                                 shape[i]);
    }
    (void)snprintf(text + used, SHAPE_TEXT_SIZE - used, "]");
    return text;
}

const struct tensor *weights_require(const struct weights *weights, const char *name, int rank,
                                     const size_t *shape, struct error *err) {
    const char *label = path_label(weights->path);
    const struct tensor *tensor = weights_find(weights, name);
    if (tensor == NULL) {
        error_set(err, ERROR_INVALID,
                  "%s: there is no tensor \"%s\", which the config asks for; the file belongs to "
                  "another model or is damaged",
                  label, name);
        return NULL;
    }
    if (tensor->rank != rank ||
        (rank > 0 && memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape) != 0)) {
        char found[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
        error_set(err, ERROR_INVALID,
                  "%s: tensor \"%s\" has shape %s; the config asks for %s; the file belongs to "
                  "another model or is damaged",
                  label, name, shape_text(tensor->shape, tensor->rank, found),
                  shape_text(shape, rank, wanted));
        return NULL;
    }
    if (tensor->type != TENSOR_F32 && tensor->type != TENSOR_F16 && tensor->type != TENSOR_BF16) {
        error_set(err, ERROR_INVALID,
                  "%s: tensor \"%s\" has the type %s; weights must be F32, F16 or BF16", label,
                  name, tensor_type_name(tensor->type));
        return NULL;
    }
    return tensor;
}

void weights_forget(const struct weights *weights, const struct tensor *tensor) {
    if (tensor->size_bytes == 0) return;
    mapped_file_forget(&weights->file, (size_t)(tensor->data - weights->file.bytes),
                       tensor->size_bytes);
}
