#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "guarded_memory.h"
#include "tier_tests.h"

struct tensors {
    struct guarded_floats q;
    struct guarded_floats k;
    struct guarded_floats v;
    struct guarded_floats out;
};

static struct tensors tensors_create(const struct attention *a, bool is_at_end) {
    size_t width = a->heads * a->head_size;
    size_t keys = a->keys == 0 ? 0 : (a->keys - 1) * a->kv_stride + width;
    return (struct tensors){
        .q = guarded_create((a->queries - 1) * a->q_stride + width, is_at_end, 11),
        .k = guarded_create(keys, is_at_end, 12),
        .v = guarded_create(keys, is_at_end, 13),
        .out = guarded_create((a->queries - 1) * a->out_stride + width, is_at_end, 14),
    };
}

static void bind_tensors(struct attention *a, const struct tensors *t) {
    a->q = t->q.floats;
    a->k = t->k.floats;
    a->v = t->v.floats;
    a->out = t->out.floats;
}

static void tensors_destroy(struct tensors *t) {
    guarded_destroy(&t->q);
    guarded_destroy(&t->k);
    guarded_destroy(&t->v);
    guarded_destroy(&t->out);
}

static void check_query(const struct attention *a, size_t head, size_t query, double *weights) {
    const float *q = a->q + query * a->q_stride + head * a->head_size;
    double maximum = -INFINITY;
    size_t visible = a->keys;
    if (a->is_causal) {
        visible = query + 1 + a->keys > a->queries ? query + 1 + a->keys - a->queries : 0;
    }
    for (size_t key = 0; key < visible; key++) {
        const float *k = a->k + key * a->kv_stride + head * a->head_size;
        double score = 0;
        for (size_t i = 0; i < a->head_size; i++) score += (double)q[i] * k[i];
        weights[key] = score * (double)a->scale;
        if (weights[key] > maximum) maximum = weights[key];
    }
    double sum = 0;
    for (size_t key = 0; key < visible; key++) {
        weights[key] = exp(weights[key] - maximum);
        sum += weights[key];
    }
    for (size_t i = 0; i < a->head_size; i++) {
        double expected = 0;
        for (size_t key = 0; key < visible; key++) {
            expected +=
                weights[key] / sum * (double)a->v[key * a->kv_stride + head * a->head_size + i];
        }
        // Scores carry a relative error that the exponential makes an absolute one.
        double tolerance = 2e-6 + 2e-7 * fabs(maximum);
        // Rounding keys and queries to 12 bits, values and weights to 10 and more.
        if (a->is_narrow) tolerance = 1e-3 + 2e-3 * fabs(maximum);
        assert_close(a->out[query * a->out_stride + head * a->head_size + i], expected, tolerance,
                     "attention", query, head * a->head_size + i);
    }
}

static void check(const struct attention *a) {
    double *weights = calloc(a->keys + 1, sizeof *weights);
    for (size_t head = 0; head < a->heads; head++) {
        for (size_t query = 0; query < a->queries; query++) check_query(a, head, query, weights);
    }
    free(weights);
}

enum kind { WIDE, CAUSAL, NARROW };

static void run_kind(size_t queries, size_t keys, size_t heads, size_t head_size, enum kind kind,
                     size_t gap, float scale) {
    size_t width = heads * head_size;
    struct attention a = {.is_narrow = kind == NARROW,
                          .queries = queries,
                          .q_stride = width + 3 * gap,
                          .keys = keys,
                          .kv_stride = width + 2 * gap,
                          .heads = heads,
                          .head_size = head_size,
                          .scale = scale,
                          .is_causal = kind == CAUSAL,
                          .out_stride = width + gap};
    struct tensors t = tensors_create(&a, (queries + keys) % 3 != 0);
    bind_tensors(&a, &t);
    float *before = malloc(t.out.count * sizeof *before);
    memcpy(before, t.out.floats, t.out.count * sizeof *before);
    attention(test_computes[1], &a);
    check(&a);
    for (size_t query = 0; query + 1 < queries; query++) {
        size_t at = query * a.out_stride + width;
        assert_memory_equal(before + at, t.out.floats + at, gap * sizeof *before);
    }
    free(before);
    tensors_destroy(&t);
}

static void run_case(size_t queries, size_t keys, size_t heads, size_t head_size, bool is_causal,
                     size_t gap, float scale) {
    run_kind(queries, keys, heads, head_size, is_causal ? CAUSAL : WIDE, gap, scale);
}

void test_attention_sizes(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 31, 33, 50, 64, 65, 127};
    enum { COUNT = sizeof counts / sizeof counts[0] };
    static const size_t head_sizes[] = {1, 3, 8, 16, 20, 32, 40, 64, 72, 80, 88, 128};
    for (size_t q = 0; q < COUNT; q++) {
        for (size_t k = 0; k < COUNT; k++) {
            run_case(counts[q], counts[k], 2, head_sizes[(q + 3 * k) % 12], false, 0, 0.125F);
        }
    }
    run_case(1, 577, 12, 64, false, 0, 0.125F);
    run_case(577, 577, 2, 64, false, 0, 0.125F);
    run_case(6, 1300, 1, 256, false, 0, 0.0625F);  // several blocks of keys, the largest head
}

void test_attention_causal(void **state) {
    (void)state;
    run_case(1, 1, 2, 64, true, 0, 0.125F);
    run_case(2, 2, 8, 64, true, 0, 0.125F);
    run_case(9, 9, 8, 64, true, 0, 0.125F);
    run_case(77, 77, 8, 64, true, 0, 0.125F);
    run_case(1, 30, 12, 64, true, 0, 0.125F);   // a decoder step
    run_case(7, 29, 3, 24, true, 1, 0.2F);      // later rows of a longer text
    run_case(5, 3, 2, 8, true, 0, 0.3F);        // the first two queries see nothing: zeros
    run_case(700, 700, 1, 16, true, 0, 0.25F);  // blocks of keys that only some queries see
}

void test_attention_strides(void **state) {
    (void)state;
    for (size_t gap = 1; gap < 18; gap += 4) {
        run_case(9, 21, 3, 20, false, gap, 0.3F);
        run_case(30, 33, 2, 64, true, gap, 0.125F);
        run_case(1, 40, 2, 17, false, gap, 0.125F);
    }
}

// The scores of one block are far above those of another: nothing overflows, sums are rescaled.
void test_attention_large_scores(void **state) {
    (void)state;
    run_case(20, 900, 1, 64, false, 0, 100.0F);
    run_case(2, 900, 1, 64, false, 0, 100.0F);
    run_case(20, 900, 1, 64, false, 0, 1e-30F);
    struct attention a = {.queries = 30,
                          .q_stride = 64,
                          .keys = 700,
                          .kv_stride = 64,
                          .heads = 1,
                          .head_size = 64,
                          .scale = 0.125F,
                          .out_stride = 64};
    static const float extremes[] = {NAN, INFINITY, -INFINITY, 1e38F};
    for (size_t e = 0; e < 4; e++) {
        struct tensors t = tensors_create(&a, true);
        bind_tensors(&a, &t);
        t.q.floats[7 * 64 + 5] = extremes[e];  // spoils the seventh query only
        attention(test_computes[1], &a);
        for (size_t i = 0; i < t.out.count; i++) {
            if (i / 64 != 7) assert_true(isfinite(t.out.floats[i]));
        }
        tensors_destroy(&t);
    }
}

void test_attention_threads_agree(void **state) {
    (void)state;
    static const size_t queries[] = {1, 9, 77, 577};
    for (size_t i = 0; i < 8; i++) {
        struct attention a = {.queries = queries[i / 2],
                              .is_narrow = i % 2 == 1,
                              .q_stride = 192,
                              .keys = 577,
                              .kv_stride = 192,
                              .heads = 3,
                              .head_size = 64,
                              .scale = 0.125F,
                              .out_stride = 192};
        struct tensors t = tensors_create(&a, true);
        a.q = t.q.floats;
        a.k = t.k.floats;
        a.v = t.v.floats;
        float *first = malloc(t.out.count * sizeof *first);
        for (size_t c = 0; c < TEST_COMPUTES; c++) {
            a.out = c == 0 ? first : t.out.floats;
            attention(test_computes[c], &a);
            if (c > 0) assert_memory_equal(first, t.out.floats, t.out.count * sizeof *first);
        }
        free(first);
        tensors_destroy(&t);
    }
}

void test_attention_narrow(void **state) {
    (void)state;
    static const size_t queries[] = {16, 17, 24, 31, 50, 65, 330};
    static const size_t keys[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 50, 65, 127, 577};
    static const size_t head_sizes[] = {1, 3, 8, 16, 20, 32, 40, 64, 72, 80, 88, 128, 256};
    for (size_t q = 0; q < 7; q++)
        for (size_t k = 0; k < 13; k++)
            run_kind(queries[q], keys[k], 2, head_sizes[(3 * q + k) % 13], NARROW, (q + k) % 3,
                     0.125F);
    run_kind(577, 577, 2, 64, NARROW, 0, 0.125F);
    run_kind(20, 4000, 1, 64, NARROW, 0, 0.125F);  // more keys than fit: in f32
    run_kind(40, 77, 2, 64, NARROW, 0, 4.0F);      // one key takes nearly all
}

// All weights are the same where queries, keys or all are zeros; zeros as values stay zeros.
void test_attention_narrow_zeros(void **state) {
    (void)state;
    struct attention a = {.is_narrow = true,
                          .queries = 20,
                          .q_stride = 64,
                          .keys = 33,
                          .kv_stride = 64,
                          .heads = 1,
                          .head_size = 64,
                          .scale = 0.125F,
                          .out_stride = 64};
    for (size_t zeros = 0; zeros < 3; zeros++) {
        struct tensors t = tensors_create(&a, true);
        bind_tensors(&a, &t);
        struct guarded_floats *chosen = zeros == 0 ? &t.q : zeros == 1 ? &t.k : &t.v;
        memset(chosen->floats, 0, chosen->count * sizeof(float));
        attention(test_computes[1], &a);
        check(&a);
        tensors_destroy(&t);
    }
}

// A number that is not finite shows in its head, and in no other.
void test_attention_narrow_not_finite(void **state) {
    (void)state;
    struct attention a = {.is_narrow = true,
                          .queries = 30,
                          .q_stride = 128,
                          .keys = 70,
                          .kv_stride = 128,
                          .heads = 2,
                          .head_size = 64,
                          .scale = 0.125F,
                          .out_stride = 128};
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t spoilt = 0; spoilt < 9; spoilt++) {
        struct tensors t = tensors_create(&a, true);
        bind_tensors(&a, &t);
        struct guarded_floats *chosen = spoilt % 3 == 0 ? &t.q : spoilt % 3 == 1 ? &t.k : &t.v;
        chosen->floats[29 * 128 + 64 + 63] = bad[spoilt / 3];
        attention(test_computes[1], &a);
        for (size_t i = 0; i < t.out.count; i++) {
            if (i % 128 < 64) assert_true(isfinite(t.out.floats[i]));
        }
        // A tier that computes in f32 need not show a key that has the smallest of scores.
        assert_true(!isfinite(t.out.floats[29 * 128 + 64 + 63]) || spoilt % 3 == 1);
        tensors_destroy(&t);
    }
}
