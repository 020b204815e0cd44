// A number of 64 bits that tells whether two files show the same picture, whatever their size,
// format and compression: copies differ in few bits, other pictures in about half of them.
// docs/duplicates.md has the measurements behind it. Pure: any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image/pixels.h"

// Bits of each part: how brightness varies over the picture, up to nine half waves of both
// directions together, and how the blue and the red difference do, up to two.
enum {
    PERCEPTUAL_LUMA_BITS = 54,
    PERCEPTUAL_BLUE_BITS = 5,
    PERCEPTUAL_RED_BITS = 5,
};

// Copies differ in this many bits at most: nearly all photographs that were measured do when they
// are scaled to a quarter or twice, saved as JPEG of quality 30 to 95, as WebP or as GIF; of 26,641
// pairs of different ones none does. It was chosen on those. Drawings that differ in a small shape
// or in a tint only, and forms that differ in their entries, often do too.
enum { PERCEPTUAL_SAME_DISTANCE = 4 };

// `pixels` shows the whole picture, upright, its shape kept or not, at least 32 pixels a side: the
// square that a model reads will do. False: it is smaller, or there is too little to see, a plain
// colour or an even pattern, and every such picture would look the same as all the others.
bool pixels_perceptual_hash(const struct pixels *pixels, uint64_t *hash);
