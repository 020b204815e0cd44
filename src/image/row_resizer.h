// Scales a picture whose rows come one after another, from the top, to one or more sizes at once:
// Pillow's antialiased bicubic for 8-bit pictures, byte for byte. The picture is never needed
// whole, and not upright either: rows are taken as they lie in the file, results come upright.
// One thread at a time.
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "image/pixels.h"

// The picture as its rows come.
struct resize_source {
    uint32_t width;
    uint32_t height;
    double extent_x;  // how much of width and height the picture fills: all of it, or less than a
    double extent_y;  // pixel less where a decoder that scales has rounded up
    int orientation;  // EXIF 1..8: how it is turned upright
};

// A part of the scaled picture.
struct resize_window {
    uint32_t left;
    uint32_t top;
    uint32_t width;
    uint32_t height;
};

// What is wanted of it, upright: the window of the picture scaled to width x height. Only the
// window is computed, so that cutting the centre out of a 65,535x1 strip stays cheap.
struct resize_target {
    uint32_t width;
    uint32_t height;
    struct resize_window window;  // lies inside
};

enum { RESIZE_TARGETS_MAX = 2 };

// Rows first .. end of the picture, as they lie in memory.
struct row_window {
    const uint8_t *rows;  // [end - first, stride]
    size_t stride;
    uint32_t first;
    uint32_t end;
};

struct row_resizer;

// All memory is taken here. NULL: ERROR_INTERNAL (out of memory).
struct row_resizer *row_resizer_create(const struct resize_source *source,
                                       const struct resize_target *targets, size_t count,
                                       struct error *err);
void row_resizer_destroy(struct row_resizer *resizer);

// Uses what has come since the last call. The window reaches from row_resizer_oldest, or before,
// to the last row that has come.
void row_resizer_take(struct row_resizer *resizer, const struct row_window *window);
// The first row that is still needed; and how many that has come may still be needed at most.
uint32_t row_resizer_oldest(const struct row_resizer *resizer);
uint32_t row_resizer_kept_rows(const struct row_resizer *resizer);

// After the last row. `out` has one for each target; the caller clears them, also after a failure.
// Errors: ERROR_INTERNAL (out of memory).
bool row_resizer_finish(struct row_resizer *resizer, struct pixels *out, struct error *err);
