// Reader of safetensors. The whole format:
//   8 bytes   N, little-endian
//   N bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …},
//             beginning with '{', maybe padded with spaces; "__metadata__" maps text to text
//   the rest  the tensors' bytes, row-major, little-endian; offsets count from here
// As strict as the reference reader: the tensors cover the rest of the file exactly, without holes
// or overlaps, each as long as its shape and type say. Bytes are not promised to be aligned.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "weights/weights_internal.h"

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER_BYTES = 100000000,  // the reference reader's limit
    MAX_TYPE_NAME = 20             // bytes shown of an unknown type; the longest known has 11
};

struct span {
    size_t begin, end;  // in the tensors' bytes
    const char *name;
};

static json_t *parse_header(const unsigned char *bytes, size_t size, struct error *err) {
    json_error_t problem;
    json_t *header = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, &problem);
    if (header != NULL && json_is_object(header)) return header;
    enum json_error_code code = header != NULL ? json_error_wrong_type : json_error_code(&problem);
    json_decref(header);
    if (code == json_error_duplicate_key)
        error_set(err, ERROR_INVALID, "a name appears twice in the header, near byte %d",
                  LENGTH_BYTES + problem.position);
    else if (code == json_error_invalid_utf8)
        error_set(err, ERROR_INVALID, "the header is not UTF-8 text");
    else if (code == json_error_out_of_memory)
        error_set(err, ERROR_INTERNAL, "out of memory reading the header (%zu bytes)", size);
    else
        error_set(err, ERROR_INVALID, "the header is not valid JSON, near byte %d",
                  LENGTH_BYTES + problem.position);
    return NULL;
}

static bool check_metadata(json_t *metadata, struct error *err) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return error_set(err, ERROR_INVALID, "\"__metadata__\" in the header is not an object");
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return error_set(err, ERROR_INVALID,
                             "\"__metadata__\" in the header holds something that is not text");
    }
    return true;
}

static bool read_size(const json_t *value, size_t *size) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *size = (size_t)json_integer_value(value);
    return true;
}

static bool read_type(const json_t *value, enum tensor_type *type, struct error *err) {
    const char *name = json_string_value(value);
    if (name == NULL) return error_set(err, ERROR_INVALID, "\"dtype\" is missing or not text");
    if (tensor_type_parse(name, type)) return true;
    int shown = 0;  // what the file says goes into an error text: only while it is printable
    while (shown < MAX_TYPE_NAME && name[shown] >= ' ' && name[shown] <= '~') shown++;
    return error_set(err, ERROR_UNSUPPORTED, "the type \"%.*s\" is not supported", shown, name);
}

static bool read_shape(const json_t *value, struct tensor *tensor, struct error *err) {
    if (!json_is_array(value))
        return error_set(err, ERROR_INVALID, "\"shape\" is missing or not a list");
    size_t rank = json_array_size(value);
    if (rank > TENSOR_MAX_RANK)
        return error_set(err, ERROR_UNSUPPORTED, "it has %zu dimensions; the limit is %d", rank,
                         TENSOR_MAX_RANK);
    tensor->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        if (!read_size(json_array_get(value, i), &tensor->shape[i]))
            return error_set(err, ERROR_INVALID, "\"shape\" holds something that is not a size");
    }
    if (!tensor_measure(tensor))
        return error_set(err, ERROR_INVALID, "its shape is larger than any memory");
    return true;
}

// One entry of the header; `data` is where the tensors' bytes begin, `data_size` how many.
static bool read_entry(const json_t *entry, const unsigned char *data, size_t data_size,
                       struct tensor *tensor, struct span *span, struct error *err) {
    if (!json_is_object(entry))
        return error_set(err, ERROR_INVALID, "its entry in the header is not an object");
    if (!read_type(json_object_get(entry, "dtype"), &tensor->type, err) ||
        !read_shape(json_object_get(entry, "shape"), tensor, err))
        return false;
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &span->begin) ||
        !read_size(json_array_get(offsets, 1), &span->end))
        return error_set(err, ERROR_INVALID, "\"data_offsets\" is not a pair of offsets");
    if (span->begin > span->end) return error_set(err, ERROR_INVALID, "it ends before it begins");
    if (span->end > data_size)
        return error_set(err, ERROR_INVALID,
                         "it ends at byte %zu, but the file holds only %zu; the file is cut short",
                         span->end, data_size);
    if (span->end - span->begin != tensor->size_bytes)
        return error_set(err, ERROR_INVALID,
                         "it takes %zu bytes, but its shape and type ask for %zu",
                         span->end - span->begin, tensor->size_bytes);
    tensor->data = data + span->begin;
    return true;
}

static int compare_spans(const void *a, const void *b) {
    const struct span *first = a, *second = b;
    if (first->begin != second->begin) return first->begin < second->begin ? -1 : 1;
    return (first->end > second->end) - (first->end < second->end);
}

static bool check_cover(struct span *spans, size_t count, size_t data_size, struct error *err) {
    size_t covered = 0;
    if (count > 0) qsort(spans, count, sizeof *spans, compare_spans);
    for (size_t i = 0; i < count; i++) {
        if (spans[i].begin != covered)
            return error_set(err, ERROR_INVALID, "tensor \"%.80s\" %s", spans[i].name,
                             spans[i].begin < covered
                                 ? "shares bytes with another"
                                 : "comes after bytes that belong to no tensor");
        covered = spans[i].end;
    }
    if (covered != data_size)
        return error_set(err, ERROR_INVALID, "%zu bytes at its end belong to no tensor",
                         data_size - covered);
    return true;
}

static bool read_entries(struct weights *weights, json_t *header, size_t data_offset,
                         struct span *spans, struct error *err) {
    const unsigned char *data = weights->file.bytes + data_offset;
    size_t data_size = weights->file.size - data_offset;
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!check_metadata(entry, err)) return false;
            continue;
        }
        struct tensor *tensor = weights_add(weights, name, strlen(name), err);
        if (tensor == NULL) return false;
        struct span *span = &spans[weights->count - 1];
        span->name = tensor->name;
        if (!read_entry(entry, data, data_size, tensor, span, err))
            return error_wrap(err, "tensor \"%.80s\"", name);
    }
    return check_cover(spans, weights->count, data_size, err);
}

bool safetensors_read(struct weights *weights, struct error *err) {
    const struct mapped_file *file = &weights->file;
    if (file->size < LENGTH_BYTES + 2)  // the shortest header is {}
        return error_set(err, ERROR_INVALID, "%zu bytes are too few for a weight file", file->size);
    uint64_t header_size = 0;
    memcpy(&header_size, file->bytes, LENGTH_BYTES);
    if (file->bytes[LENGTH_BYTES] != '{')
        return error_set(err, ERROR_UNSUPPORTED,
                         "it is neither a safetensors file nor a PyTorch zip file");
    if (header_size > MAX_HEADER_BYTES)
        return error_set(err, ERROR_INVALID,
                         "its header claims %llu bytes; the limit of the format is %d",
                         (unsigned long long)header_size, MAX_HEADER_BYTES);
    if (header_size > file->size - LENGTH_BYTES)
        return error_set(err, ERROR_INVALID,
                         "its header claims %llu bytes, but only %zu follow; the file is cut short",
                         (unsigned long long)header_size, file->size - LENGTH_BYTES);
    json_t *header = parse_header(file->bytes + LENGTH_BYTES, (size_t)header_size, err);
    if (header == NULL) return false;
    struct span *spans = memory_try_array(json_object_size(header), sizeof *spans);
    if (spans == NULL) error_set(err, ERROR_INTERNAL, "out of memory reading the header");
    bool is_done = spans != NULL && weights_reserve(weights, json_object_size(header), err) &&
                   read_entries(weights, header, LENGTH_BYTES + (size_t)header_size, spans, err);
    memory_free(spans);
    json_decref(header);
    return is_done;
}
