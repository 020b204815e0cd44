#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "guarded_memory.h"
#include "tier_tests.h"

static const size_t sizes[] = {1,  2,  3,  4,  5,  7,  8,   9,   15,  16,  17,  31,
                               32, 33, 48, 63, 64, 65, 127, 128, 129, 512, 577, 768};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0] };

void test_layer_norm(void **state) {
    (void)state;
    static const size_t row_counts[] = {1, 2, 9, 577};
    for (size_t r = 0; r < 4; r++) {
        for (size_t s = 0; s < SIZE_COUNT; s++) {
            size_t rows = row_counts[r];
            size_t width = sizes[s];
            bool is_in_place = s % 2 == 0;
            struct guarded_floats x = guarded_create(rows * width, s % 3 != 0, 21);
            struct guarded_floats gain = guarded_create(width, true, 22);
            struct guarded_floats bias = guarded_create(width, true, 23);
            struct guarded_floats y = guarded_create(rows * width, true, 24);
            for (size_t i = 0; i < x.count; i++) x.floats[i] += 3;  // a mean far from 0
            float *input = malloc(x.count * sizeof *input);
            memcpy(input, x.floats, x.count * sizeof *input);
            float *output = is_in_place ? x.floats : y.floats;
            layer_norm_f32(test_computes[1], x.floats, rows, width, gain.floats, bias.floats, 1e-5F,
                           output);
            for (size_t row = 0; row < rows; row++) {
                double mean = 0;
                double variance = 0;
                const float *in = input + row * width;
                for (size_t i = 0; i < width; i++) mean += (double)in[i] / (double)width;
                for (size_t i = 0; i < width; i++) {
                    variance += (in[i] - mean) * (in[i] - mean) / (double)width;
                }
                for (size_t i = 0; i < width; i++) {
                    double expected =
                        (in[i] - mean) / sqrt(variance + (double)1e-5F) * (double)gain.floats[i] +
                        (double)bias.floats[i];
                    // Two close values: the mean's rounding is divided by a small deviation.
                    double tolerance = 3e-6 + 2e-6 / sqrt(variance + 1e-5);
                    assert_close(output[row * width + i], expected, tolerance, "layer norm", row,
                                 i);
                }
            }
            free(input);
            guarded_destroy(&x);
            guarded_destroy(&gain);
            guarded_destroy(&bias);
            guarded_destroy(&y);
        }
    }
}

static double exact_dot(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i] * b[i];
    return sum;
}

void test_dot(void **state) {
    (void)state;
    for (size_t count = 0; count < 200; count++) {
        struct guarded_floats a = guarded_create(count, count % 2 == 0, 31);
        struct guarded_floats b = guarded_create(count, true, 32);
        assert_close(dot_f32(test_computes[0], a.floats, b.floats, count),
                     exact_dot(a.floats, b.floats, count), 1e-6 * ((double)count + 1), "dot", 0,
                     count);
        guarded_destroy(&a);
        guarded_destroy(&b);
    }
}

void test_dot_rows(void **state) {
    (void)state;
    for (size_t count = 0; count < 12; count++) {
        for (size_t s = 0; s < SIZE_COUNT; s++) {
            size_t width = sizes[s];
            struct guarded_floats rows = guarded_create(count * width, true, 33);
            struct guarded_floats query = guarded_create(width, true, 34);
            struct guarded_floats scores = guarded_create(count, true, 35);
            dot_rows_f32(test_computes[0], rows.floats, count, width, query.floats, scores.floats);
            for (size_t i = 0; i < count; i++) {
                assert_close(scores.floats[i],
                             exact_dot(rows.floats + i * width, query.floats, width),
                             1e-6 * (double)width, "dot rows", i, width);
            }
            guarded_destroy(&rows);
            guarded_destroy(&query);
            guarded_destroy(&scores);
        }
    }
}

void test_normalize(void **state) {
    (void)state;
    static const float scales[] = {1, 1e30F, 1e-30F, 1e-44F};
    for (size_t s = 0; s < 4; s++) {
        struct guarded_floats vector = guarded_create(512, true, 41);
        for (size_t i = 0; i < 512; i++) {
            vector.floats[i] = (vector.floats[i] < 0 ? -1.0F : 1.0F) * scales[s];
        }
        assert_true(normalize_f32(test_computes[0], vector.floats, 512));
        assert_close(exact_dot(vector.floats, vector.floats, 512), 1, 1e-6, "length", s, 0);
        guarded_destroy(&vector);
    }
    float zeros[3] = {0};
    assert_false(normalize_f32(test_computes[0], zeros, 3));
    float infinite[3] = {1, INFINITY, 2};
    assert_false(normalize_f32(test_computes[0], infinite, 3));
    float not_a_number[3] = {1, NAN, 2};
    assert_false(normalize_f32(test_computes[0], not_a_number, 3));
}

void test_argmax_softmax(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 15, 16, 17, 255, 256, 257, 1000, 30524};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct guarded_floats logits = guarded_create(counts[c], true, 51);
        for (size_t i = 0; i < counts[c]; i++) logits.floats[i] *= 20;
        size_t best = counts[c] * 2 / 3;
        logits.floats[best] = 21;
        double sum = 0;
        for (size_t i = 0; i < counts[c]; i++) sum += exp((double)logits.floats[i] - 21);
        float probability = -1;
        size_t found = argmax_softmax_f32(test_computes[0], logits.floats, counts[c], &probability);
        assert_int_equal(found, best);
        assert_close(probability, 1 / sum, 3e-6, "probability", c, best);
        logits.floats[counts[c] - 1] = 21;  // of equals the first
        found = argmax_softmax_f32(test_computes[0], logits.floats, counts[c], &probability);
        assert_int_equal(found, best);
        guarded_destroy(&logits);
    }
}

void test_argmax_softmax_not_finite(void **state) {
    (void)state;
    float probability;
    float masked[4] = {-INFINITY, 1, -INFINITY, 0};
    assert_int_equal(argmax_softmax_f32(test_computes[0], masked, 4, &probability), 1);
    assert_close(probability, 1 / (1 + exp(-1)), 1e-6, "masked", 0, 0);
    float with_nan[4] = {NAN, 1, 2, 0};
    assert_int_equal(argmax_softmax_f32(test_computes[0], with_nan, 4, &probability), 2);
    assert_true(probability == 0);
    float with_infinity[3] = {1, INFINITY, 0};
    assert_int_equal(argmax_softmax_f32(test_computes[0], with_infinity, 3, &probability), 1);
    assert_true(probability == 0);
    float all_nan[2] = {NAN, NAN};
    assert_int_equal(argmax_softmax_f32(test_computes[0], all_nan, 2, &probability), 0);
    assert_true(probability == 0);
    float all_masked[2] = {-INFINITY, -INFINITY};
    assert_int_equal(argmax_softmax_f32(test_computes[0], all_masked, 2, &probability), 0);
    assert_true(probability == 0);
}

// The activations over their whole range: w is 1, so that y = activation(x).
void test_activations_everywhere(void **state) {
    (void)state;
    enum { COUNT = 40001 };
    float *x = malloc(COUNT * sizeof *x);
    float *y = malloc(COUNT * sizeof *y);
    float one = 1;
    struct weight_matrix w = weight_matrix_f32(&one, 1, 1);
    for (size_t i = 0; i < COUNT; i++) x[i] = ((float)i - COUNT / 2) / 800.0F;  // -25 … 25
    for (int activation = 1; activation < 3; activation++) {
        struct linear l = {.x = x,
                           .rows = COUNT,
                           .x_stride = 1,
                           .w = &w,
                           .activation = (enum activation)activation,
                           .y = y,
                           .y_stride = 1};
        linear(test_computes[1], &l);
        for (size_t i = 0; i < COUNT; i++) {
            double value = x[i];
            double expected = activation == ACTIVATION_GELU
                                  ? 0.5 * value * (1 + erf(value * M_SQRT1_2))
                                  : value / (1 + exp(-1.702 * value));
            // erf within 1e-6: half of it times x; and the rounding of the result.
            double tolerance = 0.5e-6 * fmin(fabs(value), 6) + 2e-7 * fabs(expected);
            assert_close(y[i], expected, tolerance, "activation", (size_t)activation, i);
        }
    }
    free(x);
    free(y);
}
