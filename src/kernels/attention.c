// A task is one head and a chunk of its queries. Keys are taken in blocks, so that any number of
// them fits the scratch: each block's scores are exponentiated against the largest score so far,
// and sums of earlier blocks are scaled down when a later block has a larger one (the "online
// softmax" of Milakov and Gimelshein 2018). Keys and values of a block are packed as panels and
// serve all queries of the chunk.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels_internal.h"

enum {
    KEY_BLOCK = 320,    // two blocks for the 577 patches of BLIP; a multiple of all panel widths
    QUERY_BLOCK = 24,   // rows whose scores are kept: 30 KiB, in the L1 cache
    QUERY_CHUNK = 320,  // queries that share one packing of keys and values
    FEW_QUERIES = 4,    // up to here keys and values are read where they lie
};

// The parts of a thread's scratch; sizes for the largest head.
enum {
    KEYS_FLOATS = KEY_BLOCK * ATTENTION_MAX_HEAD_SIZE,
    VALUES_FLOATS = KEY_BLOCK * ATTENTION_MAX_HEAD_SIZE,
    SCORES_FLOATS = QUERY_BLOCK * KEY_BLOCK,
    SUMS_FLOATS = QUERY_CHUNK * ATTENTION_MAX_HEAD_SIZE,
};
_Static_assert(KEYS_FLOATS + VALUES_FLOATS + SCORES_FLOATS + SUMS_FLOATS + 2 * QUERY_CHUNK <=
                   KERNELS_SCRATCH_FLOATS,
               "attention fits the scratch of a thread");
_Static_assert(KEY_BLOCK % KERNELS_MAX_PANEL_COLUMNS == 0, "scores hold whole panels");

struct attention_job {
    const struct compute *compute;
    const struct attention *attention;
    size_t chunks;  // of queries
};

// One head and the chunk of queries [start, end).
struct chunk {
    const struct kernels *kernels;
    const struct attention *attention;
    size_t head;
    size_t start;
    size_t end;
    size_t head_columns;  // head_size rounded up to whole panels

    float *keys;      // [panels of keys][head_size, panel_columns]
    float *values;    // [panels of the head][keys of the block, panel_columns]
    float *scores;    // [QUERY_BLOCK, KEY_BLOCK]
    float *sums;      // [queries of the chunk, head_columns], weighted values so far
    float *maxima;    // [queries of the chunk], largest score so far
    float *divisors;  // [queries of the chunk], sum of exponentials so far
};

static size_t minimum(size_t a, size_t b) { return a < b ? a : b; }
static size_t round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

// How many keys query `query` may see.
static size_t visible_keys(const struct attention *a, size_t query) {
    if (!a->is_causal) return a->keys;
    return query + 1 + a->keys > a->queries ? query + 1 + a->keys - a->queries : 0;
}

static bool has_few_queries(const struct chunk *c) { return c->end - c->start <= FEW_QUERIES; }

static void pack_block(const struct chunk *c, size_t key, size_t keys) {
    const struct attention *a = c->attention;
    size_t width = c->kernels->panel_columns;
    const float *k = a->k + key * a->kv_stride + c->head * a->head_size;
    const float *v = a->v + key * a->kv_stride + c->head * a->head_size;
    for (size_t i = 0; i < keys; i += width) {
        c->kernels->panel_pack(k + i * a->kv_stride, a->kv_stride, minimum(width, keys - i),
                               a->head_size, c->keys + i * a->head_size);
    }
    for (size_t column = 0; column < c->head_columns; column += width) {
        size_t columns = minimum(width, a->head_size - column);
        float *panel = c->values + column * keys;
        for (size_t i = 0; i < keys; i++) {
            memcpy(panel + i * width, v + i * a->kv_stride + column, columns * sizeof *panel);
            if (columns == width) continue;
            memset(panel + i * width + columns, 0, (width - columns) * sizeof *panel);
        }
    }
}

// scores[rows, keys] = q · kᵀ for the queries from `query` on.
static void score_block(const struct chunk *c, size_t query, size_t rows, size_t key, size_t keys) {
    const struct attention *a = c->attention;
    const float *q = a->q + query * a->q_stride + c->head * a->head_size;
    if (has_few_queries(c)) {
        const float *k = a->k + key * a->kv_stride + c->head * a->head_size;
        c->kernels->rows_multiply(q, a->q_stride, rows, k, a->kv_stride, keys, a->head_size,
                                  c->scores, KEY_BLOCK);
        return;
    }
    for (size_t i = 0; i < keys; i += c->kernels->panel_columns) {
        for (size_t row = 0; row < rows; row += c->kernels->tile_rows) {
            c->kernels->panel_multiply(
                q + row * a->q_stride, a->q_stride, minimum(c->kernels->tile_rows, rows - row),
                c->keys + i * a->head_size, a->head_size, false, (struct ahead){.from = c->keys},
                c->scores + row * KEY_BLOCK + i, KEY_BLOCK);
        }
    }
}

// Turns the scores of one query into weights relative to the largest score so far.
static void weigh_query(const struct chunk *c, float *scores, size_t row, size_t visible,
                        size_t keys) {
    memset(scores + visible, 0, (keys - visible) * sizeof *scores);
    if (visible == 0) return;
    float maximum = c->kernels->row_maximum(scores, visible);
    float scale = c->attention->scale;
    if (maximum > c->maxima[row]) {
        float factor = expf((c->maxima[row] - maximum) * scale);  // 0 for the first block
        float *sums = c->sums + row * c->head_columns;
        for (size_t i = 0; i < c->head_columns; i++) sums[i] *= factor;
        c->divisors[row] *= factor;
        c->maxima[row] = maximum;
    }
    c->divisors[row] += c->kernels->row_exponentiate(scores, c->maxima[row], scale, visible);
}

// sums += weights · values, for the `used` first keys of a block of `keys`.
static void weigh_values(const struct chunk *c, size_t first_row, size_t rows, size_t key,
                         size_t used, size_t keys) {
    const struct attention *a = c->attention;
    if (has_few_queries(c)) {
        for (size_t row = 0; row < rows; row++) {
            c->kernels->rows_add(c->scores + row * KEY_BLOCK, used,
                                 a->v + key * a->kv_stride + c->head * a->head_size, a->kv_stride,
                                 a->head_size, c->sums + (first_row + row) * c->head_columns);
        }
        return;
    }
    for (size_t column = 0; column < c->head_columns; column += c->kernels->panel_columns) {
        for (size_t row = 0; row < rows; row += c->kernels->tile_rows) {
            c->kernels->panel_multiply(
                c->scores + row * KEY_BLOCK, KEY_BLOCK, minimum(c->kernels->tile_rows, rows - row),
                c->values + column * keys, used, true, (struct ahead){.from = c->values},
                c->sums + (first_row + row) * c->head_columns + column, c->head_columns);
        }
    }
}

static void attend_block(const struct chunk *c, size_t query, size_t rows, size_t key,
                         size_t keys) {
    const struct attention *a = c->attention;
    size_t first_row = query - c->start;
    size_t last_visible = minimum(visible_keys(a, query + rows - 1), key + keys);
    if (last_visible <= key) return;
    size_t used = last_visible - key;  // keys that at least the last of the queries sees
    score_block(c, query, rows, key, used);
    for (size_t row = 0; row < rows; row++) {
        size_t visible = visible_keys(a, query + row);
        visible = visible <= key ? 0 : minimum(visible - key, used);
        weigh_query(c, c->scores + row * KEY_BLOCK, first_row + row, visible, used);
    }
    weigh_values(c, first_row, rows, key, used, keys);
}

static void attention_task(void *context, size_t task, size_t worker) {
    const struct attention_job *job = context;
    const struct attention *a = job->attention;
    const struct kernels *kernels = job->compute->kernels;
    float *scratch = job->compute->scratch + worker * KERNELS_SCRATCH_FLOATS;
    size_t chunk = task % job->chunks;
    struct chunk c = {
        .kernels = kernels,
        .attention = a,
        .head = task / job->chunks,
        .start = a->queries * chunk / job->chunks,
        .end = a->queries * (chunk + 1) / job->chunks,
        .head_columns = round_up(a->head_size, kernels->panel_columns),
        .keys = scratch,
        .values = scratch + KEYS_FLOATS,
        .scores = scratch + KEYS_FLOATS + VALUES_FLOATS,
        .sums = scratch + KEYS_FLOATS + VALUES_FLOATS + SCORES_FLOATS,
        .maxima = scratch + KEYS_FLOATS + VALUES_FLOATS + SCORES_FLOATS + SUMS_FLOATS,
        .divisors =
            scratch + KEYS_FLOATS + VALUES_FLOATS + SCORES_FLOATS + SUMS_FLOATS + QUERY_CHUNK,
    };
    size_t queries = c.end - c.start;
    memset(c.sums, 0, queries * c.head_columns * sizeof *c.sums);
    for (size_t row = 0; row < queries; row++) {
        c.maxima[row] = -INFINITY;
        c.divisors[row] = 0;
    }

    size_t keys_seen = visible_keys(a, c.end - 1);
    for (size_t key = 0; key < keys_seen; key += KEY_BLOCK) {
        size_t keys = minimum(KEY_BLOCK, keys_seen - key);
        if (!has_few_queries(&c)) pack_block(&c, key, keys);
        for (size_t query = c.start; query < c.end; query += QUERY_BLOCK) {
            attend_block(&c, query, minimum(QUERY_BLOCK, c.end - query), key, keys);
        }
    }

    for (size_t row = 0; row < queries; row++) {
        float *out = a->out + (c.start + row) * a->out_stride + c.head * a->head_size;
        const float *sums = c.sums + row * c.head_columns;
        // A query that sees no key gets zeros.
        float factor = c.divisors[row] == 0 ? 0 : 1 / c.divisors[row];
        for (size_t i = 0; i < a->head_size; i++) out[i] = sums[i] * factor;
    }
}

void attention(struct compute *compute, const struct attention *attention) {
    assert(attention->scale > 0 && attention->head_size > 0 &&
           attention->head_size <= ATTENTION_MAX_HEAD_SIZE);
    if (attention->queries == 0) return;
    if (attention->is_narrow && attention_int16(compute, attention)) return;
    struct attention_job job = {
        .compute = compute,
        .attention = attention,
        .chunks = (attention->queries + QUERY_CHUNK - 1) / QUERY_CHUNK,
    };
    thread_pool_run(compute->pool, attention_task, &job, attention->heads * job.chunks);
}
