// Attention beside layers of 8 bits, in integers of 16: exact enough that nobody can tell it from
// f32 there, at twice the rate. A task is one head, or a chunk of its queries where the heads are
// too few for the threads. A head's queries and its keys get one factor each, values one a column,
// all as large as sums of 32 bits allow. A tile of queries scores all keys at once; the scores
// become weights of 13 bits in place while they are in the L1 cache, so the matrix of scores is
// never written out, and one row's weights sum up to what its values are divided by.
//
// Anything not finite makes its head NaN.
#include <math.h>
#include <string.h>

#include "kernels/kernels_internal.h"

enum {
    TASKS_PER_THREAD = 4,  // so that none waits long for another
    FEW_QUERIES = 16,      // fewer cost less than the packing
    SUM_BITS = 30,         // of scores, so that their differences fit an int32
};

struct plan {
    const struct compute *compute;
    const struct attention *attention;
    size_t chunks;        // of queries
    size_t key_pairs;     // pairs of keys, the last half empty when their number is odd
    size_t key_columns;   // keys rounded up to whole panels
    size_t head_pairs;    // pairs of a head's columns
    size_t head_columns;  // a head's columns rounded up to whole panels
};

// The parts of a thread's scratch.
struct head {
    int32_t *keys;    // [panels of keys][head_pairs, panel_columns]
    int32_t *values;  // [panels of the head][key_pairs, panel_columns]
    int32_t *scores;  // [tile_rows, key_columns]; then weights, two in the place of a score
    int32_t *sums;    // [tile_rows, head_columns]
    int16_t *rows;    // [larger of tile_rows and panel_columns, row_numbers()]
    float *factors;   // [head_columns], of the values; then what makes floats of their sums
    float query_factor, key_factor;
};

static size_t minimum(size_t a, size_t b) { return a < b ? a : b; }
static size_t divide_up(size_t a, size_t unit) { return (a + unit - 1) / unit; }
static size_t round_up(size_t a, size_t unit) { return divide_up(a, unit) * unit; }

// int16 of a row of a head.
static size_t row_numbers(const struct plan *plan) {
    return round_up(2 * plan->head_pairs, INT16_LANES);
}

static size_t lay_out(const struct plan *plan, float *scratch, struct head *head) {
    const struct kernels *kernels = plan->compute->kernels;
    size_t rows =
        kernels->tile_rows > kernels->panel_columns ? kernels->tile_rows : kernels->panel_columns;
    const size_t sizes[] = {
        plan->key_columns * plan->head_pairs,   plan->key_pairs * plan->head_columns,
        kernels->tile_rows * plan->key_columns, kernels->tile_rows * plan->head_columns,
        rows * row_numbers(plan) / 2,           plan->head_columns};
    size_t offsets[6];
    size_t end = 0;
    for (size_t i = 0; i < 6; i++) {
        offsets[i] = end;
        end += round_up(sizes[i], KERNELS_ALIGNMENT_BYTES / sizeof(float));
    }
    if (head == NULL) return end;
    *head = (struct head){.keys = (int32_t *)(void *)(scratch + offsets[0]),
                          .values = (int32_t *)(void *)(scratch + offsets[1]),
                          .scores = (int32_t *)(void *)(scratch + offsets[2]),
                          .sums = (int32_t *)(void *)(scratch + offsets[3]),
                          .rows = (int16_t *)(void *)(scratch + offsets[4]),
                          .factors = scratch + offsets[5]};
    return end;
}

// The largest magnitude among the rows of a head. Not finite when one is not.
static float peak_of(const struct plan *plan, const float *x, size_t rows, size_t stride) {
    float peaks[ATTENTION_MAX_HEAD_SIZE];
    float peak = 0;
    size_t count = plan->attention->head_size;
    plan->compute->kernels->int16.peaks(x, rows, stride, count, peaks);
    // A NaN is never larger, and stays: the comparison with it is false.
    for (size_t i = 0; i < count; i++) peak = peaks[i] <= peak ? peak : peaks[i];
    return peak;
}

// So that products of two such numbers, summed over a head, keep to SUM_BITS.
static float score_range(size_t head_size) {
    return fminf(floorf(sqrtf((float)(1U << SUM_BITS) / (float)head_size)), INT16_MAX);
}

static float factor_for(float range, float peak) { return peak > 0 ? range / peak : 0; }

static bool pack_keys(const struct plan *plan, struct head *head, const float *k) {
    const struct kernels *kernels = plan->compute->kernels;
    const struct attention *a = plan->attention;
    size_t width = kernels->panel_columns, numbers = row_numbers(plan);
    float peak = peak_of(plan, k, a->keys, a->kv_stride);
    if (!isfinite(peak)) return false;
    head->key_factor = factor_for(score_range(a->head_size), peak);
    for (size_t key = 0; key < a->keys; key += width) {
        size_t count = minimum(width, a->keys - key);
        for (size_t i = 0; i < count; i++)
            kernels->int16.narrow(k + (key + i) * a->kv_stride, head->key_factor, a->head_size,
                                  head->rows + i * numbers);
        // Pairs are moved as floats of the same bits.
        kernels->panel_pack((const float *)(const void *)head->rows, numbers / 2, count,
                            plan->head_pairs,
                            (float *)(void *)(head->keys + key * plan->head_pairs));
    }
    return true;
}

static bool pack_values(const struct plan *plan, struct head *head, const float *v) {
    const struct kernels *kernels = plan->compute->kernels;
    const struct attention *a = plan->attention;
    size_t width = kernels->panel_columns;
    float range = fminf(floorf((float)INT32_MAX / INT16_WEIGHT_ONE / (float)a->keys), INT16_MAX);
    kernels->int16.peaks(v, a->keys, a->kv_stride, a->head_size, head->factors);
    for (size_t i = 0; i < a->head_size; i++) {
        if (!isfinite(head->factors[i])) return false;
        head->factors[i] = factor_for(range, head->factors[i]);
    }
    for (size_t column = 0; column < a->head_size; column += width) {
        size_t columns = minimum(width, a->head_size - column);
        int32_t *panel = head->values + column * plan->key_pairs;
        if (columns < width) memset(panel, 0, plan->key_pairs * width * sizeof *panel);
        for (size_t pair = 0; pair < plan->key_pairs; pair++) {
            const float *first = v + 2 * pair * a->kv_stride + column;
            // Behind the last of an odd number comes nothing: its weight is 0, whatever this is.
            const float *second = 2 * pair + 1 < a->keys ? first + a->kv_stride : first;
            kernels->int16.pair(first, second, head->factors + column, columns,
                                panel + pair * width);
        }
    }
    for (size_t i = 0; i < a->head_size; i++)
        head->factors[i] = head->factors[i] > 0 ? 1 / head->factors[i] : 0;
    return true;
}

static void score(const struct plan *plan, struct head *head, const float *q, size_t rows) {
    const struct kernels *kernels = plan->compute->kernels;
    const struct attention *a = plan->attention;
    size_t numbers = row_numbers(plan);
    for (size_t row = 0; row < rows; row++)
        kernels->int16.narrow(q + row * a->q_stride, head->query_factor, a->head_size,
                              head->rows + row * numbers);
    for (size_t key = 0; key < plan->key_columns; key += kernels->panel_columns)
        kernels->int16.multiply(head->rows, numbers, rows, head->keys + key * plan->head_pairs,
                                plan->head_pairs, head->scores + key, plan->key_columns);
}

static void finish(const struct head *head, const int32_t *sums, float factor, size_t count,
                   float *out) {
    for (size_t i = 0; i < count; i++) out[i] = (float)sums[i] * (head->factors[i] * factor);
}

static void attend_tile(const struct plan *plan, struct head *head, const float *q, size_t rows,
                        float *out) {
    const struct kernels *kernels = plan->compute->kernels;
    const struct attention *a = plan->attention;
    const float log2_of_e = 1.44269504F;
    int32_t totals[KERNELS_MAX_TILE_ROWS];
    score(plan, head, q, rows);
    // 0 where all scores are.
    float product = head->query_factor * head->key_factor;
    float factor = product > 0 ? a->scale * log2_of_e / product : 0;
    for (size_t row = 0; row < rows; row++) {
        int32_t *scores = head->scores + row * plan->key_columns;
        totals[row] = kernels->int16.weigh(scores, a->keys, factor, (int16_t *)(void *)scores);
    }
    for (size_t column = 0; column < plan->head_columns; column += kernels->panel_columns)
        kernels->int16.multiply((const int16_t *)(const void *)head->scores, 2 * plan->key_columns,
                                rows, head->values + column * plan->key_pairs, plan->key_pairs,
                                head->sums + column, plan->head_columns);
    for (size_t row = 0; row < rows; row++)
        finish(head, head->sums + row * plan->head_columns, 1 / (float)totals[row], a->head_size,
               out + row * a->out_stride);
}

static void attention_task(void *context, size_t task, size_t worker) {
    const struct plan *plan = context;
    const struct attention *a = plan->attention;
    const struct kernels *kernels = plan->compute->kernels;
    size_t first = task / plan->chunks * a->head_size, chunk = task % plan->chunks;
    size_t start = a->queries * chunk / plan->chunks;
    size_t queries = a->queries * (chunk + 1) / plan->chunks - start;
    const float *q = a->q + start * a->q_stride + first;
    float *out = a->out + start * a->out_stride + first;
    struct head head;
    (void)lay_out(plan, plan->compute->scratch + worker * KERNELS_SCRATCH_FLOATS, &head);
    // Of all chunks, so that the results do not depend on how many there are.
    float peak = peak_of(plan, a->q + first, a->queries, a->q_stride);
    head.query_factor = factor_for(score_range(a->head_size), peak);
    if (!isfinite(peak) || !pack_keys(plan, &head, a->k + first) ||
        !pack_values(plan, &head, a->v + first)) {
        for (size_t row = 0; row < queries; row++)
            for (size_t i = 0; i < a->head_size; i++) out[row * a->out_stride + i] = NAN;
        return;
    }
    size_t tiles = divide_up(queries, kernels->tile_rows);
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t row = queries * tile / tiles;
        attend_tile(plan, &head, q + row * a->q_stride, queries * (tile + 1) / tiles - row,
                    out + row * a->out_stride);
    }
}

// Each chunk packs the keys and values for itself.
static size_t chunks_of(const struct compute *compute, const struct attention *attention) {
    size_t wanted = divide_up(TASKS_PER_THREAD * compute->threads, attention->heads);
    size_t most = attention->queries / FEW_QUERIES;
    return most < 1 ? 1 : minimum(wanted, most);
}

bool attention_int16(struct compute *compute, const struct attention *attention) {
    const struct kernels *kernels = compute->kernels;
    struct plan plan = {.compute = compute,
                        .attention = attention,
                        .chunks = chunks_of(compute, attention),
                        .key_pairs = divide_up(attention->keys, 2),
                        .key_columns = round_up(attention->keys, kernels->panel_columns),
                        .head_pairs = divide_up(attention->head_size, 2),
                        .head_columns = round_up(attention->head_size, kernels->panel_columns)};
    if (kernels->int16.multiply == NULL || attention->is_causal || attention->keys == 0 ||
        attention->queries < FEW_QUERIES || lay_out(&plan, NULL, NULL) > KERNELS_SCRATCH_FLOATS)
        return false;
    thread_pool_run(compute->pool, attention_task, &plan, attention->heads * plan.chunks);
    return true;
}
