#include "image/pixels.h"

#include <stddef.h>

#include "base/memory.h"

bool pixels_init(struct pixels *pixels, uint32_t width, uint32_t height, struct error *err) {
    *pixels = (struct pixels){0};
    if (width == 0 || height == 0) {
        return error_set(err, ERROR_INVALID,
                         "the picture has no pixels (%ux%u); send one of at least 1x1",
                         (unsigned)width, (unsigned)height);
    }
    size_t size_bytes;
    if (!size_multiply(width, height, &size_bytes) || !size_multiply(size_bytes, 3, &size_bytes)) {
        return error_set(err, ERROR_TOO_LARGE,
                         "a picture of %ux%u pixels cannot be held in memory; send a smaller one",
                         (unsigned)width, (unsigned)height);
    }
    pixels->rgb = memory_try(size_bytes);
    if (pixels->rgb == NULL) {
        return error_set(err, ERROR_INTERNAL,
                         "out of memory for a picture of %ux%u pixels; try again later",
                         (unsigned)width, (unsigned)height);
    }
    pixels->width = width;
    pixels->height = height;
    return true;
}

void pixels_clear(struct pixels *pixels) {
    memory_free(pixels->rgb);
    *pixels = (struct pixels){0};
}
