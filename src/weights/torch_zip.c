// Reader of what torch.save has written since PyTorch 1.6: a zip of stored entries,
//   <prefix>/data.pkl    the state dict (torch_pickle.h)
//   <prefix>/data/<key>  the elements of one storage each, little-endian
//   <prefix>/byteorder   "little", in newer files
// and some small ones we do not need. Several tensors may share a storage. The CRC of data.pkl is
// checked; those of the storages are not, since that would read the whole file at every start:
// `imgrouter models verify` compares the file's SHA-256.
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "weights/torch_pickle.h"
#include "weights/weights_internal.h"
#include "weights/zip_directory.h"

enum { MAX_ENTRY_NAME = 1024 };  // bytes
static const char PICKLE_NAME[] = "/data.pkl";

struct archive {
    const unsigned char *bytes;
    struct zip_directory directory;
    const char *prefix;
    size_t prefix_size;
};

static const struct zip_entry *find_pickle(struct archive *archive, struct error *err) {
    const size_t suffix = sizeof PICKLE_NAME - 1;
    const struct zip_entry *found = NULL;
    for (size_t i = 0; i < archive->directory.count; i++) {
        const struct zip_entry *entry = &archive->directory.entries[i];
        if (entry->name_size < suffix ||
            memcmp(entry->name + entry->name_size - suffix, PICKLE_NAME, suffix) != 0)
            continue;
        if (found != NULL) {
            error_set(err, ERROR_INVALID, "the zip holds two state dicts");
            return NULL;
        }
        found = entry;
    }
    if (found == NULL) {
        error_set(err, ERROR_UNSUPPORTED, "the zip holds no data.pkl: PyTorch did not write it");
        return NULL;
    }
    archive->prefix = found->name;
    archive->prefix_size = found->name_size - suffix;
    return found;
}

// The entry <prefix><first><second>, or NULL.
static const struct zip_entry *find_entry(const struct archive *archive, const char *first,
                                          const char *second, size_t second_size) {
    char name[MAX_ENTRY_NAME];
    if (archive->prefix_size >= sizeof name || second_size >= sizeof name) return NULL;
    int size = snprintf(name, sizeof name, "%.*s%s%.*s", (int)archive->prefix_size, archive->prefix,
                        first, (int)second_size, second);
    // Shorter when a NUL is in it, longer when it does not fit: there is no such entry then.
    size_t wanted = archive->prefix_size + strlen(first) + second_size;
    if (size < 0 || (size_t)size != wanted || wanted >= sizeof name) return NULL;
    return zip_directory_find(&archive->directory, name, wanted);
}

static bool check_byte_order(const struct archive *archive, struct error *err) {
    const struct zip_entry *entry = find_entry(archive, "/byteorder", "", 0);
    if (entry == NULL) return true;  // older files have none and are little-endian
    if (entry->size == 6 && memcmp(archive->bytes + entry->offset, "little", 6) == 0) return true;
    return error_set(err, ERROR_UNSUPPORTED, "its byte order is not \"little\"");
}

static bool is_contiguous(const struct pickle_tensor *source, size_t count) {
    size_t expected = 1;
    for (int i = source->rank - 1; i >= 0 && count > 0; i--) {
        if (source->shape[i] != 1 && source->stride[i] != expected) return false;
        expected *= source->shape[i];  // below count, which has been checked
    }
    return true;
}

static bool locate_tensor(const struct archive *archive, const struct pickle_tensor *source,
                          struct tensor *tensor, struct error *err) {
    tensor->type = source->type;
    tensor->rank = source->rank;
    memcpy(tensor->shape, source->shape, sizeof tensor->shape);
    if (!tensor_measure(tensor))
        return error_set(err, ERROR_INVALID, "its shape is larger than any memory");
    const struct zip_entry *entry =
        find_entry(archive, "/data/", source->storage_key, source->storage_key_size);
    if (entry == NULL) return error_set(err, ERROR_INVALID, "its elements are not in the zip");
    size_t storage_bytes;
    if (!size_multiply(source->storage_count, tensor_type_size(source->type), &storage_bytes) ||
        storage_bytes != entry->size)
        return error_set(err, ERROR_INVALID,
                         "its storage should have %zu elements of type %s, but the zip holds %zu "
                         "bytes of it",
                         source->storage_count, tensor_type_name(source->type), entry->size);
    if (source->offset > source->storage_count ||
        tensor->count > source->storage_count - source->offset)
        return error_set(err, ERROR_INVALID, "it reaches beyond its storage of %zu elements",
                         source->storage_count);
    if (!is_contiguous(source, tensor->count))
        return error_set(err, ERROR_UNSUPPORTED,
                         "its elements are not stored in order; save it again after .contiguous()");
    tensor->data = archive->bytes + entry->offset + source->offset * tensor_type_size(source->type);
    return true;
}

static bool add_tensors(struct weights *weights, const struct archive *archive,
                        const struct pickle_tensor *sources, size_t count, struct error *err) {
    if (!weights_reserve(weights, count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        struct tensor *tensor = weights_add(weights, sources[i].name, sources[i].name_size, err);
        if (tensor == NULL) return false;
        if (!locate_tensor(archive, &sources[i], tensor, err))
            return error_wrap(err, "tensor \"%.80s\"", tensor->name);
    }
    return true;
}

bool torch_zip_read(struct weights *weights, struct error *err) {
    struct archive archive = {.bytes = weights->file.bytes};
    struct pickle_tensor *sources = NULL;
    bool is_done = false;
    if (!zip_directory_read(&archive.directory, weights->file.bytes, weights->file.size, err))
        return false;
    const struct zip_entry *pickle = find_pickle(&archive, err);
    if (pickle == NULL || !check_byte_order(&archive, err)) goto out;
    const unsigned char *pickle_bytes = archive.bytes + pickle->offset;
    if (crc32_z(crc32_z(0, NULL, 0), pickle_bytes, pickle->size) != pickle->crc32) {
        error_set(err, ERROR_INVALID, "the checksum of its data.pkl is wrong: it is damaged");
        goto out;
    }
    size_t count;
    sources = torch_pickle_read_create(pickle_bytes, pickle->size, &count, err);
    if (sources == NULL) {
        error_wrap(err, "data.pkl");
        goto out;
    }
    is_done = add_tensors(weights, &archive, sources, count, err);
out:
    memory_free(sources);
    zip_directory_clear(&archive.directory);
    return is_done;
}
