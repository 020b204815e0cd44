// A fixed cube of 6 x 6 x 6 colours: its levels are whole percents, which sixels count in, and
// with Floyd and Steinberg's dithering a thumbnail needs no palette of its own.
#include "image/sixel.h"

#include <string.h>

#include "base/memory.h"

enum {
    LEVELS = 6,
    COLOURS = LEVELS * LEVELS * LEVELS,
    LEVEL_STEP = 255 / (LEVELS - 1),
    PERCENT_STEP = 100 / (LEVELS - 1),
    BAND_ROWS = 6,     // a sixel is six pixels, one below the other
    SIXEL_BASE = '?',  // the character of no pixels
    RUN_MIN = 4,       // shorter runs are shorter when written out
};

// What rounding has left over for the pixels to come, in sixteenths: [width + 2, 3], one pixel of
// margin on either side.
struct dither {
    int *here;
    int *below;
};

static int level_of(int value) {
    int level = (value + LEVEL_STEP / 2) / LEVEL_STEP;
    return value < 0 ? 0 : level >= LEVELS ? LEVELS - 1 : level;
}

static void dither_row(const uint8_t *rgb, size_t width, struct dither *dither, uint8_t *colours) {
    memset(dither->below, 0, (width + 2) * 3 * sizeof *dither->below);
    for (size_t x = 0; x < width; x++) {
        int colour = 0;
        for (size_t c = 0; c < 3; c++) {
            size_t at = (x + 1) * 3 + c;
            int wanted = rgb[x * 3 + c] + dither->here[at] / 16;
            int level = level_of(wanted);
            int left = wanted - level * LEVEL_STEP;
            dither->here[at + 3] += left * 7;
            dither->below[at - 3] += left * 3;
            dither->below[at] += left * 5;
            dither->below[at + 3] += left;
            colour = colour * LEVELS + level;
        }
        colours[x] = (uint8_t)colour;
    }
    int *done = dither->here;
    dither->here = dither->below;
    dither->below = done;
}

static bool quantise(const struct pixels *pixels, uint8_t *colours) {
    size_t width = pixels->width;
    int *here = memory_try_zeroed((width + 2) * 3, sizeof *here);
    int *below = memory_try_zeroed((width + 2) * 3, sizeof *below);
    struct dither dither = {here, below};
    bool is_done = here != NULL && below != NULL;
    for (size_t y = 0; is_done && y < pixels->height; y++)
        dither_row(pixels->rgb + y * width * 3, width, &dither, colours + y * width);
    memory_free(here);
    memory_free(below);
    return is_done;
}

// The buffer remembers a failure; sixel_append looks once at the end.
static void run_append(struct byte_buffer *buffer, char sixel, size_t count) {
    if (count >= RUN_MIN)
        (void)byte_buffer_append_format(buffer, "!%zu%c", count, sixel);
    else
        while (count-- > 0) (void)byte_buffer_append(buffer, &sixel, 1);
}

static char sixel_at(const uint8_t *band, size_t width, size_t rows, size_t x, unsigned colour) {
    unsigned bits = 0;
    for (size_t y = 0; y < rows; y++) bits |= (band[y * width + x] == colour ? 1U : 0U) << y;
    return (char)(SIXEL_BASE + bits);
}

static void colour_append(struct byte_buffer *buffer, const uint8_t *band, size_t width,
                          size_t rows, unsigned colour) {
    char last = sixel_at(band, width, rows, 0, colour);
    size_t count = 1;
    (void)byte_buffer_append_format(buffer, "#%u", colour);
    for (size_t x = 1; x < width; x++, count++) {
        char sixel = sixel_at(band, width, rows, x, colour);
        if (sixel == last) continue;
        run_append(buffer, last, count);
        last = sixel;
        count = 0;
    }
    if (last != SIXEL_BASE) run_append(buffer, last, count);
    (void)byte_buffer_append(buffer, "$", 1);  // back to the band's beginning
}

static void band_append(struct byte_buffer *buffer, const uint8_t *band, size_t width,
                        size_t rows) {
    bool is_used[COLOURS] = {false};
    for (size_t i = 0; i < rows * width; i++) is_used[band[i]] = true;
    for (unsigned colour = 0; colour < COLOURS; colour++)
        if (is_used[colour]) colour_append(buffer, band, width, rows, colour);
}

static void palette_append(struct byte_buffer *buffer) {
    for (int colour = 0; colour < COLOURS; colour++)
        (void)byte_buffer_append_format(
            buffer, "#%d;2;%d;%d;%d", colour, colour / (LEVELS * LEVELS) * PERCENT_STEP,
            colour / LEVELS % LEVELS * PERCENT_STEP, colour % LEVELS * PERCENT_STEP);
}

bool sixel_append(struct byte_buffer *buffer, const struct pixels *pixels, struct error *err) {
    size_t width = pixels->width, height = pixels->height, count;
    uint8_t *colours = size_multiply(width, height, &count) ? memory_try(count) : NULL;
    bool is_done = colours != NULL && quantise(pixels, colours);
    if (is_done) {
        // Square pixels, and what is not drawn stays as it was.
        (void)byte_buffer_append_format(buffer, "\033P0;1q\"1;1;%zu;%zu", width, height);
        palette_append(buffer);
        for (size_t y = 0; y < height; y += BAND_ROWS) {
            size_t rows = height - y < BAND_ROWS ? height - y : BAND_ROWS;
            if (y > 0) (void)byte_buffer_append(buffer, "-", 1);  // the next band
            band_append(buffer, colours + y * width, width, rows);
        }
        (void)byte_buffer_append_text(buffer, "\033\\");
    }
    memory_free(colours);
    return (is_done && !buffer->has_failed) ||
           error_set(err, ERROR_INTERNAL, "out of memory for a picture in sixels");
}
