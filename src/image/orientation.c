// Copies the picture in the new order. Source rows become columns for the quarter turns, so the
// copy goes tile by tile: a plain row-by-row walk would fetch a new cache line for each pixel.
#include "image/orientation.h"

#include <string.h>

#include "base/memory.h"

// Pixels a side; two such tiles of 3-byte pixels (6 KiB) stay in the first-level cache.
enum { TILE_SIDE = 32 };

// Where output pixel (0, 0) lies in the source, and how far (in bytes) the source moves when the
// output moves one pixel right and one down.
struct source_walk {
    ptrdiff_t start;
    ptrdiff_t step_right;
    ptrdiff_t step_down;
};

static struct source_walk source_walk_for(const struct pixels *source, int orientation) {
    ptrdiff_t pixel = 3;
    ptrdiff_t row = pixel * (ptrdiff_t)source->width;
    ptrdiff_t last_column = pixel * ((ptrdiff_t)source->width - 1);
    ptrdiff_t last_row = row * ((ptrdiff_t)source->height - 1);
    switch (orientation) {  // names as in the EXIF standard: where row 0 and column 0 are
        case 2:
            return (struct source_walk){last_column, -pixel, row};  // top right
        case 3:
            return (struct source_walk){last_row + last_column, -pixel, -row};  // bottom right
        case 4:
            return (struct source_walk){last_row, pixel, -row};  // bottom left
        case 5:
            return (struct source_walk){0, row, pixel};  // left top
        case 6:
            return (struct source_walk){last_row, -row, pixel};  // right top
        case 7:
            return (struct source_walk){last_row + last_column, -row, -pixel};  // right bottom
        default:
            return (struct source_walk){last_column, row, -pixel};  // left bottom
    }
}

static void tile_copy(struct pixels *out, const uint8_t *source, struct source_walk walk,
                      uint32_t left, uint32_t top) {
    uint32_t right = out->width - left < TILE_SIDE ? out->width : left + TILE_SIDE;
    uint32_t bottom = out->height - top < TILE_SIDE ? out->height : top + TILE_SIDE;
    for (uint32_t y = top; y < bottom; y++) {
        const uint8_t *from =
            source + walk.start + (ptrdiff_t)y * walk.step_down + (ptrdiff_t)left * walk.step_right;
        uint8_t *to = out->rgb + ((size_t)y * out->width + left) * 3;
        for (uint32_t x = left; x < right; x++) {
            memcpy(to, from, 3);
            to += 3;
            from += walk.step_right;
        }
    }
}

bool orientation_apply(struct pixels *pixels, int orientation, struct error *err) {
    if (orientation < 2 || orientation > 8) return true;
    bool is_quarter_turn = orientation >= 5;
    struct pixels turned;
    if (!pixels_init(&turned, is_quarter_turn ? pixels->height : pixels->width,
                     is_quarter_turn ? pixels->width : pixels->height, err)) {
        return false;
    }
    struct source_walk walk = source_walk_for(pixels, orientation);
    for (uint32_t top = 0; top < turned.height; top += TILE_SIDE) {
        for (uint32_t left = 0; left < turned.width; left += TILE_SIDE) {
            tile_copy(&turned, pixels->rgb, walk, left, top);
        }
    }
    pixels_clear(pixels);
    *pixels = turned;
    return true;
}
