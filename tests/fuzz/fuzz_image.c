// Any bytes to pixels, then to the models' squares and the thumbnail, as a request does it.
// Good seeds: tests/golden/image and tests/suites/image.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "image/decode_squares.h"
#include "image/picture_size.h"
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
    struct pixels pixels;
    struct image_info info;
    struct error err = {0};
    uint32_t width, height;
    if (picture_size_read(bytes, size, &width, &height) && (width == 0 || height == 0)) abort();
    bool is_readable = image_decode(bytes, size, &limits, &pixels, &info, &err);
    for (int is_exact = 0; is_exact < 2; is_exact++) {
        struct square_request request = {
            .squares = {{SQUASH_SIDE, PICTURE_SQUASHED}, {CROP_SIDE, PICTURE_CROPPED}},
            .count = 2,
            .is_exact = is_exact};
        struct pixels squares[2];
        struct image_info same;
        // Scaled, a JPEG can be readable whose rows cannot be, but not the other way round.
        bool is_done = image_decode_squares(bytes, size, &limits, &request, squares, &same, NULL);
        if (is_readable && !is_done) abort();
        if (is_readable && (same.width != info.width || same.height != info.height)) abort();
        pixels_clear(&squares[0]);
        pixels_clear(&squares[1]);
    }
    if (!is_readable) {
        if (err.kind == ERROR_NONE || pixels.rgb != NULL) abort();
        return 0;
    }
    if (pixels.width != info.width || pixels.height != info.height) abort();
    size_t jpeg_size;
    uint8_t *jpeg = thumbnail_jpeg_create(&pixels, THUMBNAIL_SIDE, &jpeg_size, &err);
    if (jpeg == NULL) abort();
    memory_free(jpeg);
    pixels_clear(&pixels);
    return 0;
}
