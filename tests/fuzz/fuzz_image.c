// Any bytes to pixels, then through both preprocessings and the thumbnail, as a request does it.
// Good seeds: tests/golden/image and tests/suites/image.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "image/decode.h"
#include "image/preprocess.h"
#include "image/thumbnail.h"

// Read by the leak detector. libheif 1.15 forgets dav1d's 40-byte handle when an AVIF's coded
// picture is empty; that is not ours to free.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libdav1d.so\n"; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    // Small enough that a case stays fast and large enough for every path.
    static const struct image_limits limits = {
        .max_bytes = 1 << 20, .max_pixels = 1 << 18, .max_side = 4096};
    enum { SQUASH_SIDE = 24, CROP_SIDE = 16, THUMBNAIL_SIDE = 20 };
    static float planes[3 * SQUASH_SIDE * SQUASH_SIDE];
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    if (!image_decode(bytes, size, &limits, &pixels, &info, &err)) {
        if (err.kind == ERROR_NONE || pixels.rgb != NULL) abort();
        return 0;
    }
    if (pixels.width != info.width || pixels.height != info.height) abort();
    size_t jpeg_size;
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, THUMBNAIL_SIDE, &jpeg_size, &err);
    if (jpeg == NULL ||
        !preprocess_squash(&pixels, SQUASH_SIDE, &image_normalization_clip, planes, &err) ||
        !preprocess_crop(&pixels, CROP_SIDE, &image_normalization_clip, planes, &err)) {
        abort();
    }
    memory_free(jpeg);
    pixels_clear(&pixels);
    return 0;
}
