// The order of operations is Pillow's: doubles are not exact, and the bytes must be equal. For the
// same reason a mirrored line is computed upright and stored the other way round.
#include "image/tap_table.h"

#include <math.h>

#include "base/memory.h"
#include "kernels/resample.h"

static double cubic_weight(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static void fill_position(struct tap_table *table, const struct tap_line *line, uint32_t position,
                          double *exact) {
    double scale = line->extent / line->out_size;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = 2.0 * filter_scale;  // the cubic reaches two pixels to each side
    // What the picture does not fill is its end, which a mirrored line has in front.
    double start = line->is_mirrored ? line->in_size - line->extent : 0.0;
    double center = ((double)line->out_first + position + 0.5) * scale + start;
    double first = floor(center - support + 0.5);
    double end = floor(center + support + 0.5);
    uint32_t in_first = first > 0 ? (uint32_t)first : 0;
    uint32_t in_end = end < line->in_size ? (uint32_t)end : line->in_size;
    uint32_t count = in_end - in_first;

    double inverse_scale = 1.0 / filter_scale;
    double sum = 0.0;
    for (uint32_t tap = 0; tap < count; tap++) {
        exact[tap] = cubic_weight(((double)(tap + in_first) - center + 0.5) * inverse_scale);
        sum += exact[tap];
    }
    size_t stored = line->is_mirrored ? line->positions - 1 - position : position;
    int32_t *weights = table->weights + stored * table->taps_max;
    for (uint32_t tap = 0; tap < count; tap++) {
        double weight = (sum != 0.0 ? exact[tap] / sum : exact[tap]) * (1 << RESAMPLE_WEIGHT_BITS);
        weights[line->is_mirrored ? count - 1 - tap : tap] =
            (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    table->first[stored] = line->is_mirrored ? line->in_size - in_end : in_first;
    table->count[stored] = count;
}

bool tap_table_init(struct tap_table *table, const struct tap_line *line) {
    double scale = line->extent / line->out_size;
    size_t taps_max = (size_t)ceil(2.0 * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
    double *exact = memory_try_array(taps_max, sizeof *exact);
    *table = (struct tap_table){
        .positions = line->positions,
        .first = memory_try_array(line->positions, sizeof *table->first),
        .count = memory_try_array(line->positions, sizeof *table->count),
        .weights = memory_try_array(line->positions, taps_max * sizeof *table->weights),
        .taps_max = taps_max,
    };
    bool is_ok =
        exact != NULL && table->first != NULL && table->count != NULL && table->weights != NULL;
    for (uint32_t position = 0; is_ok && position < line->positions; position++)
        fill_position(table, line, position, exact);
    memory_free(exact);
    return is_ok;
}

void tap_table_clear(struct tap_table *table) {
    memory_free(table->first);
    memory_free(table->count);
    memory_free(table->weights);
    *table = (struct tap_table){0};
}

const int32_t *tap_table_weights(const struct tap_table *table, size_t position) {
    return table->weights + position * table->taps_max;
}

uint32_t tap_table_first(const struct tap_table *table) { return table->first[0]; }

uint32_t tap_table_end(const struct tap_table *table) {
    return table->first[table->positions - 1] + table->count[table->positions - 1];
}
