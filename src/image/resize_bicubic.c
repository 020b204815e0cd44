// Horizontal pass, then vertical pass, with 8 bits in between, as Pillow's Resample.c does; weights
// are doubles made integers of 22 bits, so the sums are exact in any order and may be vectorised.
//
// Both passes are one operation: a weighted sum of rows, done for 48 neighbouring bytes at a time.
// The vertical pass has rows already. For the horizontal pass 16 picture rows at a time are turned
// into columns of 16 pixels (48 bytes), and then a picture column is such a row.
// A dimension that does not change gets weights that are exactly one, so it needs no special case.
#include "image/resize_bicubic.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum {
    BAND_ROWS = 16,         // picture rows turned into columns at once
    LANES = BAND_ROWS * 3,  // bytes summed at once; their sums fill six AVX2 registers
    WEIGHT_BITS = 22,       // Pillow: 32 bits less 8 for the value and 2 for overshoot
};

// The compiler makes a version of the inner loop for wider vectors and picks at load time; integer
// sums are the same in both. Not under ThreadSanitizer, whose runtime is not up at load time.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
#define WIDER_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define WIDER_VECTORS
#endif

// For each output position of the window: which inputs count, and how much.
struct tap_table {
    uint32_t *first;   // [positions]
    uint32_t *count;   // [positions]
    int32_t *weights;  // [positions, taps_max]
    size_t taps_max;
};

static void tap_table_clear(struct tap_table *table) {
    memory_free(table->first);
    memory_free(table->count);
    memory_free(table->weights);
    *table = (struct tap_table){0};
}

// Keys' cubic with a = -0.5, in the order of operations that Pillow uses: doubles are not exact.
static double cubic_weight(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static void tap_table_fill_position(struct tap_table *table, size_t position, double center,
                                    double filter_scale, uint32_t in_size, double *exact) {
    double support = 2.0 * filter_scale;  // the cubic reaches two pixels to each side
    double first = floor(center - support + 0.5);
    double end = floor(center + support + 0.5);
    uint32_t in_first = first > 0 ? (uint32_t)first : 0;
    uint32_t in_end = end < in_size ? (uint32_t)end : in_size;
    uint32_t count = in_end - in_first;

    double inverse_scale = 1.0 / filter_scale;
    double sum = 0.0;
    for (uint32_t tap = 0; tap < count; tap++) {
        exact[tap] = cubic_weight(((double)(tap + in_first) - center + 0.5) * inverse_scale);
        sum += exact[tap];
    }
    int32_t *weights = table->weights + position * table->taps_max;
    for (uint32_t tap = 0; tap < count; tap++) {
        double weight = (sum != 0.0 ? exact[tap] / sum : exact[tap]) * (1 << WEIGHT_BITS);
        weights[tap] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    table->first[position] = in_first;
    table->count[position] = count;
}

// Taps for output positions start .. start + positions of a line of in_size scaled to out_size.
static bool tap_table_init(struct tap_table *table, uint32_t in_size, uint32_t out_size,
                           uint32_t start, uint32_t positions) {
    double scale = (double)in_size / out_size;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    table->taps_max = (size_t)ceil(2.0 * filter_scale) * 2 + 1;
    table->first = memory_try_array(positions, sizeof(*table->first));
    table->count = memory_try_array(positions, sizeof(*table->count));
    table->weights = memory_try_array(positions, table->taps_max * sizeof(*table->weights));
    double *exact = memory_try_array(table->taps_max, sizeof(*exact));
    bool is_ok =
        table->first != NULL && table->count != NULL && table->weights != NULL && exact != NULL;
    for (uint32_t position = 0; is_ok && position < positions; position++) {
        double center = ((double)start + position + 0.5) * scale;
        tap_table_fill_position(table, position, center, filter_scale, in_size, exact);
    }
    memory_free(exact);
    return is_ok;
}

// out[lane] = sum over taps of weight[tap] * rows[tap * stride + lane], rounded, clipped to a byte.
WIDER_VECTORS
static void lanes_weigh(const uint8_t *rows, size_t stride, const int32_t *weights, uint32_t taps,
                        uint8_t *out) {
    int32_t sums[LANES];
    for (int lane = 0; lane < LANES; lane++) sums[lane] = 1 << (WEIGHT_BITS - 1);
    for (uint32_t tap = 0; tap < taps; tap++) {
        const uint8_t *row = rows + tap * stride;
        int32_t weight = weights[tap];
        for (int lane = 0; lane < LANES; lane++) sums[lane] += weight * row[lane];
    }
    for (int lane = 0; lane < LANES; lane++) {
        int32_t value = sums[lane] >> WEIGHT_BITS;
        out[lane] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

// Turns `rows` rows (from `row_bytes` apart) of `width` pixels into `width` columns of LANES bytes.
static void band_turn(const uint8_t *rows_start, size_t row_bytes, uint32_t rows, uint32_t width,
                      uint8_t *columns) {
    for (uint32_t row = 0; row < rows; row++) {
        const uint8_t *from = rows_start + row * row_bytes;
        uint8_t *to = columns + (size_t)row * 3;
        for (uint32_t x = 0; x < width; x++, from += 3, to += LANES) memcpy(to, from, 3);
    }
}

struct resize_job {
    const struct pixels *source;
    struct tap_table across;
    struct tap_table down;
    uint8_t *columns;     // [source columns needed, LANES]
    uint8_t *narrow;      // [narrow_rows, narrow_bytes]: the result of the horizontal pass
    size_t narrow_bytes;  // of a row; a multiple of LANES, the end is padding
    uint32_t first_row;   // of the source, in narrow's row 0
    uint32_t narrow_rows;
};

static void resize_across(struct resize_job *job, uint32_t width) {
    const struct pixels *source = job->source;
    uint32_t left = job->across.first[0];
    uint32_t right = job->across.first[width - 1] + job->across.count[width - 1];
    size_t source_bytes = (size_t)source->width * 3;
    for (uint32_t band = 0; band < job->narrow_rows; band += BAND_ROWS) {
        uint32_t rows = job->narrow_rows - band < BAND_ROWS ? job->narrow_rows - band : BAND_ROWS;
        const uint8_t *from = source->rgb + (size_t)(job->first_row + band) * source_bytes;
        band_turn(from + (size_t)left * 3, source_bytes, rows, right - left, job->columns);
        uint8_t *to = job->narrow + band * job->narrow_bytes;
        for (uint32_t x = 0; x < width; x++) {
            uint8_t pixel_column[LANES];
            lanes_weigh(job->columns + (size_t)(job->across.first[x] - left) * LANES, LANES,
                        job->across.weights + x * job->across.taps_max, job->across.count[x],
                        pixel_column);
            for (uint32_t row = 0; row < rows; row++) {
                memcpy(to + row * job->narrow_bytes + (size_t)x * 3, pixel_column + (size_t)row * 3,
                       3);
            }
        }
    }
}

static void resize_down(const struct resize_job *job, struct pixels *out) {
    size_t row_bytes = (size_t)out->width * 3;
    for (uint32_t y = 0; y < out->height; y++) {
        const uint8_t *rows =
            job->narrow + (job->down.first[y] - job->first_row) * job->narrow_bytes;
        uint8_t *to = out->rgb + y * row_bytes;
        for (size_t at = 0; at < row_bytes; at += LANES) {
            uint8_t lanes[LANES];
            lanes_weigh(rows + at, job->narrow_bytes, job->down.weights + y * job->down.taps_max,
                        job->down.count[y], lanes);
            memcpy(to + at, lanes, row_bytes - at < LANES ? row_bytes - at : LANES);
        }
    }
}

bool resize_bicubic(const struct pixels *source, uint32_t width, uint32_t height,
                    struct resize_window window, struct pixels *out, struct error *err) {
    struct resize_job job = {.source = source};
    bool is_ok = false;
    *out = (struct pixels){0};
    if (!tap_table_init(&job.across, source->width, width, window.left, window.width) ||
        !tap_table_init(&job.down, source->height, height, window.top, window.height)) {
        goto out;
    }
    uint32_t last = window.height - 1;
    job.first_row = job.down.first[0];
    job.narrow_rows = job.down.first[last] + job.down.count[last] - job.first_row;
    job.narrow_bytes = ((size_t)window.width * 3 + LANES - 1) / LANES * LANES;
    // Zeroed: the padding and the unused rows of the last band are summed too, and thrown away.
    job.narrow = memory_try_zeroed(job.narrow_rows, job.narrow_bytes);
    job.columns = memory_try_zeroed(source->width, LANES);
    if (job.narrow == NULL || job.columns == NULL) goto out;
    if (!pixels_init(out, window.width, window.height, err)) goto out;
    resize_across(&job, window.width);
    resize_down(&job, out);
    is_ok = true;

out:
    memory_free(job.columns);
    memory_free(job.narrow);
    tap_table_clear(&job.across);
    tap_table_clear(&job.down);
    if (!is_ok) {
        (void)error_set(err, ERROR_INTERNAL,
                        "out of memory while scaling the picture; try again later");
    }
    return is_ok;
}
