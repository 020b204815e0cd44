// Any bytes as a weight file (safetensors, or whatever they look like): the reader ends without a
// fault, refuses with a sentence, and what it accepts lies inside the file. Seeds: tests/suites/
// safetensors and tests/suites/torch_zip.
#define _GNU_SOURCE  // memfd_create: a file without a disk
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "weights/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned touched;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[64];
    int descriptor = memfd_create("weights", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size) abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    struct error err = {0};
    struct weights *weights = weights_open(path, &err);
    assert((weights == NULL) == (err.kind != ERROR_NONE));
    assert((weights == NULL) == (err.text[0] != '\0'));
    for (size_t i = 0; weights != NULL && i < weights_count(weights); i++) {
        const struct tensor *tensor = weights_at(weights, i);
        assert(weights_find(weights, tensor->name) == tensor);
        for (size_t k = 0; k < tensor->size_bytes; k++) touched += tensor->data[k];
        if (tensor->type <= TENSOR_BF16 && tensor->count > 0) {
            float *floats = malloc(tensor->count * sizeof *floats);
            if (floats == NULL) abort();
            tensor_copy_f32(tensor, floats);
            free(floats);
        }
    }
    weights_close(weights);
    (void)close(descriptor);
    return 0;
}
