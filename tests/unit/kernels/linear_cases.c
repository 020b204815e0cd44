#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "guarded_memory.h"
#include "tier_tests.h"

struct matrices {
    struct guarded_floats x;
    struct guarded_floats w;
    struct guarded_floats f16;  // half as many floats, for weights of that type
    struct guarded_floats bias;
    struct guarded_floats residual;
    struct guarded_floats y;
};

static double activated(enum activation activation, double x) {
    if (activation == ACTIVATION_GELU) return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    if (activation == ACTIVATION_QUICK_GELU) return x / (1 + exp(-1.702 * x));
    return x;
}

// Fills in x, y and the weights of w.
static struct matrices matrices_create(struct linear *l, struct weight_matrix *w, bool is_at_end) {
    size_t y_count = (l->rows - 1) * l->y_stride + w->outputs;
    struct matrices m = {
        .x = guarded_create((l->rows - 1) * l->x_stride + w->inputs, is_at_end, 1),
        .w = guarded_create(w->outputs * w->inputs, is_at_end, 2),
        .f16 = guarded_create((w->outputs * w->inputs + 1) / 2, is_at_end, 2),
        .bias = guarded_create(w->outputs, is_at_end, 3),
        .residual = guarded_create(y_count, is_at_end, 4),
        .y = guarded_create(y_count, is_at_end, 5),
    };
    w->f32 = m.w.floats;
    if (w->type == WEIGHT_F16) {
        // The last half float, where their number is odd, is in front.
        uint16_t *f16 = (uint16_t *)(void *)m.f16.floats + w->outputs * w->inputs % 2;
        for (size_t i = 0; i < w->outputs * w->inputs; i++) {
            m.w.floats[i] = (float)(int)(m.w.floats[i] * 1024) / 1024;  // 11 bits: exact in f16
        }
        *w = weight_matrix_pack_f16(m.w.floats, w->outputs, w->inputs, f16);
        w->f32 = m.w.floats;
    }
    l->x = m.x.floats;
    l->y = m.y.floats;
    return m;
}

static void matrices_destroy(struct matrices *m) {
    guarded_destroy(&m->x);
    guarded_destroy(&m->w);
    guarded_destroy(&m->f16);
    guarded_destroy(&m->bias);
    guarded_destroy(&m->residual);
    guarded_destroy(&m->y);
}

// Compares every element with sums in double, and sees that the gaps between rows stay as they
// were. `residual` is what the residual held before the call.
static void check(const struct linear *l, const float *residual, const float *y_before) {
    size_t inputs = l->w->inputs;
    for (size_t row = 0; row < l->rows; row++) {
        for (size_t output = 0; output < l->y_stride; output++) {
            size_t at = row * l->y_stride + output;
            if (output >= l->w->outputs) {
                if (row + 1 < l->rows) assert_true(l->y[at] == y_before[at]);
                continue;
            }
            double sum = 0;
            double magnitude = 1;
            for (size_t k = 0; k < inputs; k++) {
                double product =
                    (double)l->x[row * l->x_stride + k] * l->w->f32[output * inputs + k];
                sum += product;
                magnitude += fabs(product);
            }
            if (l->bias != NULL) sum += l->bias[output];
            double expected = activated(l->activation, sum);
            if (residual != NULL) expected += residual[at];
            assert_close(l->y[at], expected, 1e-6 * magnitude, "linear", row, output);
        }
    }
}

static void run_case_of_type(enum weight_type type, size_t rows, size_t inputs, size_t outputs,
                             size_t gap, bool is_at_end, enum activation activation, bool has_bias,
                             int residual_kind) {
    struct weight_matrix w = {.type = type, .outputs = outputs, .inputs = inputs};
    struct linear l = {.rows = rows,
                       .x_stride = inputs + gap,
                       .w = &w,
                       .activation = activation,
                       .y_stride = outputs + gap};
    struct matrices m = matrices_create(&l, &w, is_at_end);
    l.bias = has_bias ? m.bias.floats : NULL;
    if (residual_kind == 1) l.residual = m.residual.floats;
    if (residual_kind == 2) l.residual = l.y;
    float *before = malloc(m.y.count * sizeof *before);
    memcpy(before, m.y.floats, m.y.count * sizeof *before);
    linear(test_computes[1], &l);
    check(&l, residual_kind == 2 ? before : l.residual, before);
    free(before);
    matrices_destroy(&m);
}

static void run_case(size_t rows, size_t inputs, size_t outputs, size_t gap, bool is_at_end,
                     enum activation activation, bool has_bias, int residual_kind) {
    run_case_of_type(WEIGHT_F32, rows, inputs, outputs, gap, is_at_end, activation, has_bias,
                     residual_kind);
}

static const size_t sizes[] = {1,  2,  3,  5,  7,  8,  11, 12, 13, 15, 16, 17,
                               23, 24, 25, 31, 32, 33, 47, 48, 63, 64, 65, 127};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0] };

void test_linear_sizes(void **state) {
    (void)state;
    for (size_t r = 0; r < SIZE_COUNT; r++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            size_t outputs = sizes[(r * 5 + i * 7) % SIZE_COUNT];
            run_case(sizes[r], sizes[i], outputs, 0, (r + i) % 2 == 0, ACTIVATION_NONE, true, 0);
        }
        for (size_t o = 0; o < SIZE_COUNT; o++) {
            run_case(sizes[r], 19, sizes[o], 0, true, ACTIVATION_NONE, false, 0);
        }
    }
    run_case(577, 64, 40, 0, true, ACTIVATION_NONE, true, 0);
    run_case(641, 33, 33, 0, true, ACTIVATION_NONE, true, 0);  // beyond one round of rows
}

void test_linear_strides_and_alignment(void **state) {
    (void)state;
    static const size_t rows[] = {1, 4, 9, 50};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t gap = 1; gap < 20; gap += 3) {
            run_case(rows[i], 37, 35, gap, true, ACTIVATION_NONE, true, 0);
            run_case(rows[i], 64, 64, gap, false, ACTIVATION_NONE, true, 1);
        }
    }
}

void test_linear_epilogues(void **state) {
    (void)state;
    static const size_t rows[] = {1, 2, 13, 40};
    static const enum activation activations[] = {ACTIVATION_NONE, ACTIVATION_GELU,
                                                  ACTIVATION_QUICK_GELU};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t a = 0; a < 3; a++) {
            for (int residual_kind = 0; residual_kind < 3; residual_kind++) {
                run_case(rows[i], 48, 37, 3, true, activations[a], true, residual_kind);
                run_case(rows[i], 5, 16, 0, false, activations[a], false, residual_kind);
            }
        }
    }
}

void test_linear_f16(void **state) {
    (void)state;
    for (size_t r = 0; r < SIZE_COUNT; r++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            run_case_of_type(WEIGHT_F16, sizes[r], sizes[i], sizes[(r * 5 + i * 7) % SIZE_COUNT],
                             i % 3, (r + i) % 2 == 0, ACTIVATION_NONE, true, 0);
        }
    }
    run_case_of_type(WEIGHT_F16, 2, WEIGHT_F16_MAX_INPUTS, 5, 0, true, ACTIVATION_GELU, true, 2);
    run_case_of_type(WEIGHT_F16, 130, 4097, 33, 0, true, ACTIVATION_NONE, true, 2);
    run_case_of_type(WEIGHT_F16, 650, 70, 9, 0, true, ACTIVATION_GELU, true, 0);
}

// Every number there is, to floats and back.
void test_f16_numbers(void **state) {
    (void)state;
    enum { COUNT = 65536 };
    uint16_t *f16 = malloc(COUNT * sizeof *f16);
    uint16_t *again = malloc(COUNT * sizeof *again);
    float *y = malloc(COUNT * sizeof *y);
    float one = 1;
    for (size_t i = 0; i < COUNT; i++) f16[i] = (uint16_t)i;
    struct weight_matrix w = {.type = WEIGHT_F16, .outputs = COUNT, .inputs = 1, .f16 = f16};
    linear(
        test_computes[1],
        &(struct linear){.x = &one, .rows = 1, .x_stride = 1, .w = &w, .y = y, .y_stride = COUNT});
    (void)weight_matrix_pack_f16(y, COUNT, 1, again);
    for (size_t i = 0; i < COUNT; i++) {
        int exponent = (int)(i >> 10 & 31);
        double mantissa = (double)(i & 1023) / 1024;
        double expected = exponent == 0 ? ldexp(mantissa, -14) : ldexp(1 + mantissa, exponent - 15);
        if (exponent == 31) expected = mantissa == 0.0 ? INFINITY : NAN;
        if (i >= 32768) expected = -expected;
        assert_true((double)y[i] == expected || (isnan(y[i]) && isnan(expected)));
        if (!isnan(expected) && expected != 0) assert_int_equal(again[i], f16[i]);
        if (isnan(expected)) assert_true((again[i] & 0x7fff) > 0x7c00);
        if (!isfinite(expected) || i == 0x7bff || i == 0xfbff || i == 0x8000) continue;
        // Halfway to the next rounds to the even one, less and more to the nearer.
        float half = y[i] + (float)copysign(ldexp(1, exponent == 0 ? -25 : exponent - 26), y[i]);
        float around[3] = {nextafterf(half, 0), half, half + half - y[i]};
        uint16_t rounded[3];
        (void)weight_matrix_pack_f16(around, 3, 1, rounded);
        assert_int_equal(rounded[0], i);
        assert_int_equal(rounded[1], i + i % 2);
        assert_int_equal(rounded[2], i + 1);
    }
    float limits[4] = {65519.99F, 65520, -1e30F, -0.0F};
    (void)weight_matrix_pack_f16(limits, 4, 1, again);
    assert_int_equal(again[0], 0x7bff);
    assert_int_equal(again[1], 0x7c00);
    assert_int_equal(again[2], 0xfc00);
    assert_int_equal(again[3], 0x8000);
    free(f16);
    free(again);
    free(y);
}

void test_linear_many_inputs(void **state) {
    (void)state;
    run_case(1, 9001, 3, 0, true, ACTIVATION_NONE, true, 0);
    run_case(30, 4096, 33, 0, true, ACTIVATION_NONE, true, 2);
    run_case(30, 4097, 33, 0, true, ACTIVATION_GELU, true, 2);  // sums in two parts
    run_case(650, 8200, 9, 0, true, ACTIVATION_NONE, true, 2);
}

// Nothing crashes, and what is not finite stays in the rows and columns that it belongs to.
void test_linear_extremes(void **state) {
    (void)state;
    static const float extremes[] = {NAN, INFINITY, -INFINITY, 3e38F, 1e-45F, -1e-39F};
    static const size_t row_counts[] = {1, 5, 40};
    for (size_t r = 0; r < 3; r++) {
        for (size_t e = 0; e < sizeof extremes / sizeof extremes[0]; e++) {
            for (int activation = 0; activation < 3; activation++) {
                struct weight_matrix w = weight_matrix_f32(NULL, 35, 33);
                struct linear l = {.rows = row_counts[r],
                                   .x_stride = 33,
                                   .w = &w,
                                   .y_stride = 35,
                                   .activation = (enum activation)activation};
                struct matrices m = matrices_create(&l, &w, true);
                m.w.floats[34 * 33 + 32] = extremes[e];
                linear(test_computes[1], &l);
                for (size_t row = 0; row < l.rows; row++) {
                    for (size_t o = 0; o < 34; o++) assert_true(isfinite(l.y[row * 35 + o]));
                }
                if (e == 0) assert_true(isnan(l.y[34]));
                matrices_destroy(&m);
            }
        }
    }
}

void test_linear_threads_agree(void **state) {
    (void)state;
    static const size_t rows[] = {1, 9, 50, 577};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weight_matrix w = weight_matrix_f32(NULL, 333, 200);
        struct linear l = {.rows = rows[i],
                           .x_stride = 200,
                           .w = &w,
                           .y_stride = 333,
                           .activation = ACTIVATION_GELU};
        struct matrices m = matrices_create(&l, &w, true);
        l.bias = m.bias.floats;
        float *first = malloc(m.y.count * sizeof *first);
        for (size_t c = 0; c < TEST_COMPUTES; c++) {
            l.y = c == 0 ? first : m.y.floats;
            linear(test_computes[c], &l);
            if (c > 0) assert_memory_equal(first, m.y.floats, m.y.count * sizeof *first);
        }
        free(first);
        matrices_destroy(&m);
    }
}
