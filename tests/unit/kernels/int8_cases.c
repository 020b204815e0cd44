// Products of int8: the packing against its definition, the results against the sums in double of
// what was quantised by the definition, and every tier bit for bit against the scalar one.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "guarded_memory.h"
#include "kernels/kernels_internal.h"
#include "tier_tests.h"

// A call with all that it points to. int8 and sums lie in guarded floats: as many bytes.
struct int8_call {
    struct weight_matrix w;
    struct linear linear;
    struct guarded_floats x;
    struct guarded_floats floats;  // what w was made from, [outputs, inputs]
    struct guarded_floats int8;
    struct guarded_floats scales;
    struct guarded_floats sums;
    struct guarded_floats input_scale;
    struct guarded_floats bias;
    struct guarded_floats residual;
    struct guarded_floats y;
};

enum residual_kind { WITHOUT_RESIDUAL, APART, IN_PLACE };
struct int8_shape {
    size_t rows;
    size_t inputs;
    size_t outputs;
    size_t gap;  // between the rows of x and of y
    enum activation activation;
    enum residual_kind residual;
    bool has_bias;
    bool has_input_scale;
    bool is_misaligned;  // the weights; x and y lie as their sizes have it
};

static void pack(struct int8_call *c) {
    const float *input_scale = c->w.input_scale;
    c->w = weight_matrix_pack_int8(c->floats.floats, c->w.outputs, c->w.inputs, (int8_t *)c->w.int8,
                                   c->scales.floats, (int32_t *)(void *)c->sums.floats);
    c->w.input_scale = input_scale;
}

static void call_create(struct int8_call *c, const struct int8_shape *s) {
    struct weight_int8_size size = weight_matrix_int8_size(s->outputs, s->inputs);
    size_t y_count = s->rows == 0 ? 0 : (s->rows - 1) * (s->outputs + s->gap) + s->outputs;
    size_t x_count = s->rows == 0 ? 0 : (s->rows - 1) * (s->inputs + s->gap) + s->inputs;
    bool is_at_end = (s->rows + s->inputs) % 3 != 0;
    size_t shift = s->is_misaligned ? 1 : 0;
    *c = (struct int8_call){
        .x = guarded_create(x_count, is_at_end, 61),
        .floats = guarded_create(s->outputs * s->inputs, true, 62),
        .int8 = guarded_create(size.int8 / sizeof(float) + shift, true, 63),
        .scales = guarded_create(size.scales, true, 64),
        .sums = guarded_create(size.scales, true, 65),
        .input_scale = guarded_create(s->inputs, true, 66),
        .bias = guarded_create(s->outputs, is_at_end, 67),
        .residual = guarded_create(y_count, is_at_end, 68),
        .y = guarded_create(y_count, is_at_end, 69),
    };
    // Channels of different sizes, as in real models.
    for (size_t i = 0; i < s->inputs; i++) c->input_scale.floats[i] = 1.0F + (float)(i % 7) / 8.0F;
    c->w = (struct weight_matrix){
        .outputs = s->outputs,
        .inputs = s->inputs,
        .int8 = (const int8_t *)(c->int8.floats + shift),
        .input_scale = s->has_input_scale ? c->input_scale.floats : NULL,
    };
    pack(c);
    c->linear = (struct linear){
        .x = c->x.floats,
        .rows = s->rows,
        .x_stride = s->inputs + s->gap,
        .w = &c->w,
        .bias = s->has_bias ? c->bias.floats : NULL,
        .activation = s->activation,
        .residual = s->residual == WITHOUT_RESIDUAL ? NULL
                    : s->residual == APART          ? c->residual.floats
                                                    : c->y.floats,
        .y = c->y.floats,
        .y_stride = s->outputs + s->gap,
    };
}

static void call_destroy(struct int8_call *c) {
    struct guarded_floats *all[] = {&c->x,           &c->floats, &c->int8,     &c->scales, &c->sums,
                                    &c->input_scale, &c->bias,   &c->residual, &c->y};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) guarded_destroy(all[i]);
}

static int weight_at(const struct weight_matrix *w, size_t output, size_t input) {
    size_t depth = (w->inputs + 3) / 4;
    return w->int8[((output / 16 * depth + input / 4) * 16 + output % 16) * 4 + input % 4];
}

static double activated(enum activation activation, double x) {
    if (activation == ACTIVATION_GELU) return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    if (activation == ACTIVATION_QUICK_GELU) return x / (1 + exp(-1.702 * x));
    return x;
}

static int byte_maximum(void) { return test_computes[1]->kernels->int8_byte_maximum; }

// The bytes of one row by the definition; returns the scale.
static float quantize(const struct int8_call *c, size_t row, int *bytes, int *zero_point) {
    const float *x = c->linear.x + row * c->linear.x_stride;
    float low = 0;
    float high = 0;
    for (size_t i = 0; i < c->w.inputs; i++) {
        float value = c->w.input_scale == NULL ? x[i] : x[i] * c->w.input_scale[i];
        low = fminf(low, value);
        high = fmaxf(high, value);
    }
    float maximum = (float)byte_maximum();
    float scale = high / maximum - low / maximum;
    float inverse = scale >= FLT_MIN ? 1 / scale : 0;
    *zero_point = (int)nearbyintf(-low * inverse);
    for (size_t i = 0; i < c->w.inputs; i++) {
        float value = c->w.input_scale == NULL ? x[i] : x[i] * c->w.input_scale[i];
        int byte = (int)nearbyintf(value * inverse) + *zero_point;
        bytes[i] = byte < 0 ? 0 : byte > 255 ? 255 : byte;
    }
    return scale >= FLT_MIN ? scale : 0;
}

// Compares with integer sums of what the definition quantises. `residual` and `before` are what
// the residual and y held before the call; gaps between rows stay as they were.
static void check(const struct int8_call *c, const float *residual, const float *before) {
    const struct linear *l = &c->linear;
    int *bytes = calloc(c->w.inputs + 1, sizeof *bytes);
    for (size_t row = 0; row < l->rows; row++) {
        int zero_point;
        double scale = (double)quantize(c, row, bytes, &zero_point);
        for (size_t output = 0; output < l->y_stride; output++) {
            size_t at = row * l->y_stride + output;
            if (output >= c->w.outputs) {
                if (row + 1 < l->rows) assert_true(l->y[at] == before[at]);
                continue;
            }
            int64_t sum = 0;
            for (size_t i = 0; i < c->w.inputs; i++) {
                sum += (int64_t)(bytes[i] - zero_point) * weight_at(&c->w, output, i);
            }
            double product = (double)sum * scale * (double)c->w.scales[output];
            double expected = product + (l->bias == NULL ? 0.0 : (double)l->bias[output]);
            expected = activated(l->activation, expected);
            if (residual != NULL) expected += (double)residual[at];
            assert_close(l->y[at], expected, 1e-6 * (1 + fabs(product)), "int8", row, output);
        }
    }
    free(bytes);
}

static void run_case(const struct int8_shape *shape) {
    struct int8_call c;
    call_create(&c, shape);
    size_t bytes = c.y.count * sizeof(float);
    float *before = malloc(bytes + 1);
    float *result = malloc(bytes + 1);
    memcpy(before, c.y.floats, bytes);
    linear(test_computes[1], &c.linear);
    check(&c, shape->residual == IN_PLACE ? before : c.linear.residual, before);

    // Without an activation all is exact or one rounding: every tier of 8 bits has the same.
    memcpy(result, c.y.floats, bytes);
    memcpy(c.y.floats, before, bytes);
    struct compute *scalar = compute_create("scalar", 1, NULL);
    linear(scalar, &c.linear);
    if (shape->activation == ACTIVATION_NONE && byte_maximum() == 255)
        assert_memory_equal(result, c.y.floats, bytes);
    compute_destroy(scalar);
    free(before);
    free(result);
    call_destroy(&c);
}

static const size_t sizes[] = {1,  2,  3,  4,  5,  7,  8,  11, 12, 13, 15, 16, 17,  23,
                               24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 127, 128};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0] };

void test_int8_packing(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZE_COUNT; s++) {
        struct int8_call c;
        call_create(&c, &(struct int8_shape){.inputs = sizes[s],
                                             .outputs = sizes[s * 5 % SIZE_COUNT],
                                             .is_misaligned = s % 2 == 0});
        size_t padded = (c.w.outputs + 15) / 16 * 16;
        for (size_t output = 0; output < padded; output++) {
            const float *row = c.floats.floats + output * c.w.inputs;
            float maximum = 0;
            for (size_t i = 0; output < c.w.outputs && i < c.w.inputs; i++) {
                maximum = fmaxf(maximum, fabsf(row[i]));
            }
            assert_true(c.w.scales[output] == maximum / 127);
            int32_t sum = 0;
            for (size_t i = 0; i < (c.w.inputs + 3) / 4 * 4; i++) {
                int value = weight_at(&c.w, output, i);
                sum += value;
                bool is_padding = output >= c.w.outputs || i >= c.w.inputs;
                double exact = is_padding ? 0 : (double)row[i] / (double)c.w.scales[output];
                assert_close(value, exact, is_padding ? 0 : 0.5001, "weight", output, i);
            }
            assert_int_equal(c.w.sums[output], sum);
        }
        call_destroy(&c);
    }
    float odd[4] = {NAN, 1, 0, 1e-40F};  // outputs of one input: not finite, largest, zero, tiny
    float scales[16];
    int32_t sums[16];
    int8_t int8[64];
    struct weight_matrix w = weight_matrix_pack_int8(odd, 4, 1, int8, scales, sums);
    assert_true(isnan(w.scales[0]) && w.scales[1] == 1.0F / 127 && w.scales[2] == 0 &&
                w.scales[3] == 0);
    assert_true(w.int8[4] == 127 && w.int8[0] == 0 && w.int8[12] == 0);
}

// Rows of a matrix behave as a matrix of their own.
void test_int8_rows(void **state) {
    (void)state;
    struct int8_call c;
    call_create(&c, &(struct int8_shape){.rows = 5, .inputs = 37, .outputs = 70});
    linear(test_computes[1], &c.linear);
    float *whole = malloc(c.y.count * sizeof *whole);
    memcpy(whole, c.y.floats, c.y.count * sizeof *whole);
    for (size_t first = 0; first < 70; first += 16) {
        for (size_t count = 0; count <= 70 - first; count += 9) {
            struct weight_matrix rows = weight_matrix_rows(&c.w, first, count);
            c.linear.w = &rows;
            memset(c.y.floats, 0, c.y.count * sizeof *whole);
            linear(test_computes[1], &c.linear);
            for (size_t i = 0; i < 5 * 70; i++) {
                assert_true(c.y.floats[i] == (i % 70 < count ? whole[i + first] : 0));
            }
        }
    }
    free(whole);
    call_destroy(&c);
}

void test_int8_sizes(void **state) {
    (void)state;
    for (size_t r = 0; r < SIZE_COUNT; r++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            run_case(&(struct int8_shape){.rows = sizes[r],
                                          .inputs = sizes[i],
                                          .outputs = sizes[(r * 5 + i * 7) % SIZE_COUNT],
                                          .has_bias = r % 2 == 0,
                                          .has_input_scale = i % 2 == 0,
                                          .is_misaligned = i % 3 == 0});
        }
    }
    static const size_t many[] = {0, 577, 641, 700};
    for (size_t i = 0; i < 4; i++) {
        run_case(&(struct int8_shape){.rows = many[i], .inputs = 70, .outputs = 50});
    }
    run_case(&(struct int8_shape){.rows = 700, .inputs = 4099, .outputs = 17});  // two blocks
    run_case(&(struct int8_shape){.rows = 9000, .inputs = 1, .outputs = 1});     // three
}

void test_int8_epilogues(void **state) {
    (void)state;
    static const size_t rows[] = {1, 2, 13, 40};
    for (size_t i = 0; i < 4 * 3 * 3; i++) {
        struct int8_shape shape = {.rows = rows[i / 9],
                                   .inputs = 48,
                                   .outputs = 37,
                                   .gap = i % 5,
                                   .activation = (enum activation)(i / 3 % 3),
                                   .residual = (enum residual_kind)(i % 3),
                                   .has_bias = true};
        run_case(&shape);
        shape.has_bias = false;
        shape.outputs = 16;
        run_case(&shape);
    }
}

// The largest sums that there may be: they fit 32 bits, and 16 bits on the way would not do.
void test_int8_largest_sums(void **state) {
    (void)state;
    static const size_t inputs[] = {4, 64, 260, 4096, WEIGHT_INT8_MAX_INPUTS};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        for (int sign = -1; sign < 2; sign += 2) {
            struct int8_call c;
            call_create(&c, &(struct int8_shape){.rows = 3, .inputs = inputs[i], .outputs = 33});
            for (size_t k = 0; k < c.x.count; k++) c.x.floats[k] = 1;  // 255, zero point 0
            for (size_t k = 0; k < inputs[i]; k++) c.x.floats[inputs[i] + k] = -1;  // 0, 255
            for (size_t k = 0; k < c.floats.count; k++) c.floats.floats[k] = (float)sign;
            pack(&c);
            linear(test_computes[1], &c.linear);
            for (size_t k = 0; k < 3 * 33; k++) {
                double expected = (double)inputs[i] * sign * (k / 33 == 1 ? -1 : 1);
                assert_close(c.y.floats[k], expected, 1e-6 * (double)inputs[i], "largest", 0, k);
            }
            call_destroy(&c);
        }
    }
}

// What is not finite makes its own row NaN, all of it, and no other; what is huge or tiny is
// quantised like anything else.
void test_int8_extremes(void **state) {
    (void)state;
    static const float extremes[] = {NAN, INFINITY, -INFINITY, 1e38F, -1e38F, 1e-45F, -1e-39F, 0};
    for (size_t e = 0; e < sizeof extremes / sizeof extremes[0]; e++) {
        for (size_t at = 0; at < 67; at += 11) {
            for (int activation = 0; activation < 3; activation++) {
                struct int8_call c;
                call_create(&c, &(struct int8_shape){.rows = 14,
                                                     .inputs = 67,
                                                     .outputs = 35,
                                                     .activation = (enum activation)activation,
                                                     .has_bias = true,
                                                     .has_input_scale = at % 2 == 1});
                c.x.floats[5 * 67 + at] = extremes[e];
                linear(test_computes[1], &c.linear);
                for (size_t i = 0; i < 14 * 35; i++) {
                    if (i / 35 != 5) assert_true(isfinite(c.y.floats[i]));
                    if (i / 35 == 5) assert_int_equal(isnan(c.y.floats[i]), e < 3);
                }
                call_destroy(&c);
            }
        }
        // A whole row of the same: the result is its sum of weights, or the bias.
        struct int8_call c;
        call_create(&c, &(struct int8_shape){.rows = 1, .inputs = 67, .outputs = 35});
        for (size_t i = 0; i < 67; i++) c.x.floats[i] = extremes[e];
        linear(test_computes[1], &c.linear);
        for (size_t o = 0; o < 35; o++) {
            double expected =
                (double)extremes[e] * c.w.sums[o] * (double)c.w.scales[o];  // NaN, or 0 * inf: NaN
            if (e < 3) expected = NAN;
            if (fabs(expected) > (double)FLT_MAX) continue;
            assert_close(c.y.floats[o], expected, 1e-6 * (fabs(expected) + 1e-20), "equal", e, o);
        }
        call_destroy(&c);
    }
}

// The error against products in double is that of rounding x and w to their steps.
void test_int8_is_close_to_f32(void **state) {
    (void)state;
    struct int8_call c;
    call_create(&c, &(struct int8_shape){.rows = 20, .inputs = 768, .outputs = 100});
    linear(test_computes[1], &c.linear);
    double squares = 0;
    double errors = 0;
    for (size_t row = 0; row < 20; row++) {
        for (size_t o = 0; o < 100; o++) {
            double exact = 0;
            for (size_t i = 0; i < 768; i++) {
                exact += (double)c.x.floats[row * 768 + i] * (double)c.floats.floats[o * 768 + i];
            }
            double error = (double)c.y.floats[row * 100 + o] - exact;
            squares += exact * exact;
            errors += error * error;
        }
    }
    // Steps of 2/255 (or 2/127) and 1/127 of uniform numbers: variances of step^2/12 against 1/3
    // each.
    double expected = sqrt((4.0 / (byte_maximum() * byte_maximum()) + 1.0 / (127 * 127)) / 4);
    assert_close(sqrt(errors / squares), expected, 0.1 * expected, "relative error", 0, 0);
    call_destroy(&c);
}

void test_int8_threads_agree(void **state) {
    (void)state;
    static const size_t rows[] = {1, 9, 50, 577};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct int8_call c;
        call_create(&c, &(struct int8_shape){.rows = rows[i],
                                             .inputs = 200,
                                             .outputs = 333,
                                             .activation = ACTIVATION_GELU,
                                             .has_bias = true});
        float *first = malloc(c.y.count * sizeof *first);
        for (size_t t = 0; t < TEST_COMPUTES; t++) {
            c.linear.y = t == 0 ? first : c.y.floats;
            linear(test_computes[t], &c.linear);
            if (t > 0) assert_memory_equal(first, c.y.floats, c.y.count * sizeof *first);
        }
        free(first);
        call_destroy(&c);
    }
}
