// Any bytes as the data.pkl of a torch.save file, whose zip around it is right and holds one
// storage "0" of 64 bytes: a checksum and a directory would otherwise keep nearly every input from
// the pickle reader. Whole files are the business of fuzz_safetensors. Seeds: the pickles of
// tests/suites/torch_zip.
#define _GNU_SOURCE  // memfd_create: a file without a disk
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "weights/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORAGE_BYTES = 64, LOCAL_BYTES = 30, ENTRY_BYTES = 46, END_BYTES = 22, ENTRIES = 2 };

struct output {
    uint8_t *bytes;
    size_t size;
};

static void put(struct output *out, uint64_t value, size_t width) {
    for (; width > 0; width--, value >>= 8) out->bytes[out->size++] = (uint8_t)value;
}

static void put_bytes(struct output *out, const void *bytes, size_t size) {
    if (size > 0) memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static size_t make_zip(uint8_t *bytes, const uint8_t *pickle, size_t pickle_size) {
    static const uint8_t storage[STORAGE_BYTES] = {1, 2, 3};
    const struct {
        const char *name;
        const uint8_t *data;
        size_t size;
    } entries[ENTRIES] = {{"a/data.pkl", pickle, pickle_size},
                          {"a/data/0", storage, STORAGE_BYTES}};
    struct output out = {.bytes = bytes};
    size_t offsets[ENTRIES];
    for (int i = 0; i < ENTRIES; i++) {
        offsets[i] = out.size;
        put(&out, 0x04034B50, 4);
        put(&out, 0, LOCAL_BYTES - 8);
        put(&out, strlen(entries[i].name), 2);
        put(&out, 0, 2);
        put_bytes(&out, entries[i].name, strlen(entries[i].name));
        put_bytes(&out, entries[i].data, entries[i].size);
    }
    size_t directory = out.size;
    for (int i = 0; i < ENTRIES; i++) {
        put(&out, 0x02014B50, 4);
        put(&out, 0, 12);
        put(&out, crc32_z(crc32_z(0, NULL, 0), entries[i].data, entries[i].size), 4);
        put(&out, entries[i].size, 4);
        put(&out, entries[i].size, 4);
        put(&out, strlen(entries[i].name), 2);
        put(&out, 0, 12);
        put(&out, offsets[i], 4);
        put_bytes(&out, entries[i].name, strlen(entries[i].name));
    }
    size_t length = out.size - directory;
    put(&out, 0x06054B50, 4);
    put(&out, 0, 4);
    put(&out, ENTRIES, 2);
    put(&out, ENTRIES, 2);
    put(&out, length, 4);
    put(&out, directory, 4);
    put(&out, 0, 2);
    return out.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[64];
    uint8_t *zip =
        malloc(size + STORAGE_BYTES + ENTRIES * (LOCAL_BYTES + ENTRY_BYTES + 64) + END_BYTES);
    int descriptor = memfd_create("weights", MFD_CLOEXEC);
    if (zip == NULL || descriptor < 0) abort();
    size_t zip_size = make_zip(zip, data, size);
    if (write(descriptor, zip, zip_size) != (ssize_t)zip_size) abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    struct error err = {0};
    struct weights *weights = weights_open(path, &err);
    assert((weights == NULL) == (err.kind != ERROR_NONE));
    // The zip is right, so a refusal is about what is in it.
    assert(weights != NULL || strstr(err.text, "data.pkl") != NULL ||
           strstr(err.text, "tensor") != NULL);
    for (size_t i = 0; weights != NULL && i < weights_count(weights); i++) {
        const struct tensor *tensor = weights_at(weights, i);
        assert(weights_find(weights, tensor->name) == tensor);
        assert(tensor->size_bytes <= STORAGE_BYTES);
    }
    weights_close(weights);
    (void)close(descriptor);
    free(zip);
    return 0;
}
