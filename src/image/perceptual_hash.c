// The picture is averaged to 32x32, its brightness and its colour differences go through a discrete
// cosine transform, and of the lowest frequencies each gives a bit. Whole numbers only, so that
// every processor gives the same bits.
#include "image/perceptual_hash.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRID = 32,        // cells a side
    WAVES = 10,       // frequencies a direction, the constant one included
    CELL_SCALE = 64,  // of a cell's mean: what a byte is to it

    LUMA_WAVES = 9,    // of both directions together
    COLOUR_WAVES = 2,  // likewise; 2 + 3 frequencies

    // A frequency of brightness counts as seen from half a level of 255 on, which strong
    // compression leaves alone. Plain pictures and plain gradients have up to 4, drawings of one
    // shape 11 or more.
    SEEN_LEAST = 8,
};

// What one level of 255 is in a frequency's sum: the transform's 2 / GRID twice and a further
// 1 / GRID, CELL_SCALE, 256 of the colour weights, and the cosines' 4096 twice.
#define LEVEL ((int64_t)1 << (9 + 6 + 8 + 24))

// Weights of red, green and blue, in 256ths, as JPEG has them.
static const int luma_weights[3] = {77, 150, 29};
static const int blue_weights[3] = {-43, -85, 128};
static const int red_weights[3] = {128, -107, -21};

// cos(pi * i / 64), in 4096ths.
static const int16_t quarter_wave[33] = {4096, 4091, 4076, 4052, 4017, 3973, 3920, 3857, 3784,
                                         3703, 3612, 3513, 3406, 3290, 3166, 3035, 2896, 2751,
                                         2598, 2440, 2276, 2106, 1931, 1751, 1567, 1380, 1189,
                                         995,  799,  601,  401,  201,  0};

struct grid {
    int64_t means[GRID][GRID][3];
};

struct spectrum {
    int64_t waves[WAVES][WAVES];  // [vertical, horizontal]
};

static int64_t cosine(uint32_t position, uint32_t frequency) {
    if (frequency == 0) return quarter_wave[16];  // 1 / sqrt(2): the transform keeps lengths
    uint32_t step = (2 * position + 1) * frequency % 128;
    if (step > 64) step = 128 - step;
    return step > 32 ? -quarter_wave[64 - step] : quarter_wave[step];
}

// A picture's side is GRID * side units long: a pixel is GRID of them, a cell is `side`.
struct units {
    uint64_t start;
    uint64_t end;
};

static struct units cell_units(uint32_t cell, uint32_t side) {
    return (struct units){(uint64_t)cell * side, (uint64_t)(cell + 1) * side};
}

static uint64_t units_inside(uint64_t pixel, struct units cell) {
    uint64_t start = pixel * GRID, end = start + GRID;
    return (end < cell.end ? end : cell.end) - (start > cell.start ? start : cell.start);
}

static void add_row(const uint8_t *rgb, uint32_t width, uint64_t weight,
                    uint64_t sums[static GRID][3]) {
    for (uint32_t x = 0; x < GRID; x++) {
        struct units cell = cell_units(x, width);
        for (uint64_t pixel = cell.start / GRID; pixel * GRID < cell.end; pixel++) {
            uint64_t share = weight * units_inside(pixel, cell);
            for (size_t i = 0; i < 3; i++) sums[x][i] += share * rgb[pixel * 3 + i];
        }
    }
}

static void grid_fill(struct grid *grid, const struct pixels *pixels) {
    uint64_t area = (uint64_t)pixels->width * pixels->height;  // of a cell, in units
    for (uint32_t y = 0; y < GRID; y++) {
        uint64_t sums[GRID][3] = {{0}};
        struct units cell = cell_units(y, pixels->height);
        for (uint64_t pixel = cell.start / GRID; pixel * GRID < cell.end; pixel++)
            add_row(pixels->rgb + pixel * pixels->width * 3, pixels->width,
                    units_inside(pixel, cell), sums);
        for (size_t x = 0; x < GRID; x++)
            for (size_t i = 0; i < 3; i++)
                grid->means[y][x][i] = (int64_t)(sums[x][i] * CELL_SCALE / area);
    }
}

static void spectrum_fill(struct spectrum *spectrum, const struct grid *grid,
                          const int weights[static 3]) {
    int64_t rows[GRID][WAVES] = {{0}};
    for (uint32_t y = 0; y < GRID; y++)
        for (uint32_t x = 0; x < GRID; x++) {
            const int64_t *mean = grid->means[y][x];
            int64_t value = mean[0] * weights[0] + mean[1] * weights[1] + mean[2] * weights[2];
            for (uint32_t u = 0; u < WAVES; u++) rows[y][u] += value * cosine(x, u);
        }
    for (uint32_t v = 0; v < WAVES; v++)
        for (uint32_t u = 0; u < WAVES; u++) {
            spectrum->waves[v][u] = 0;
            for (uint32_t y = 0; y < GRID; y++) spectrum->waves[v][u] += rows[y][u] * cosine(y, v);
        }
}

// From low to high, without the constant one; returns how many.
static size_t list_waves(const struct spectrum *spectrum, size_t highest, int64_t *values) {
    size_t count = 0;
    for (size_t sum = 1; sum <= highest; sum++)
        for (size_t v = 0; v <= sum; v++) values[count++] = spectrum->waves[v][sum - v];
    return count;
}

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

// A bit for each that is above the limit.
static uint64_t add_bits(uint64_t hash, const int64_t *values, size_t count, int64_t limit) {
    for (size_t i = 0; i < count; i++) hash = hash << 1 | (uint64_t)(values[i] > limit);
    return hash;
}

bool pixels_perceptual_hash(const struct pixels *pixels, uint64_t *hash) {
    struct grid grid;
    struct spectrum spectrum;
    int64_t luma[PERCEPTUAL_LUMA_BITS], sorted[PERCEPTUAL_LUMA_BITS], blue[PERCEPTUAL_BLUE_BITS],
        red[PERCEPTUAL_RED_BITS];
    if (pixels->width < GRID || pixels->height < GRID) return false;
    grid_fill(&grid, pixels);
    spectrum_fill(&spectrum, &grid, luma_weights);
    size_t count = list_waves(&spectrum, LUMA_WAVES, luma), seen = 0;
    for (size_t i = 0; i < count; i++) seen += (size_t)(llabs(luma[i]) > LEVEL / 2);
    if (seen < SEEN_LEAST) return false;
    memcpy(sorted, luma, sizeof luma);
    qsort(sorted, count, sizeof *sorted, compare);
    // Half of the brightness bits are set, whatever the light. A colour must be there to set one.
    *hash = add_bits(0, luma, count, sorted[count / 2 - 1]);
    spectrum_fill(&spectrum, &grid, blue_weights);
    *hash = add_bits(*hash, blue, list_waves(&spectrum, COLOUR_WAVES, blue), LEVEL);
    spectrum_fill(&spectrum, &grid, red_weights);
    *hash = add_bits(*hash, red, list_waves(&spectrum, COLOUR_WAVES, red), LEVEL);
    return true;
}
