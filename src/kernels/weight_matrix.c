#include "kernels/weight_matrix.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { INT8_MAXIMUM = 127 };  // -128 is not used: the range is symmetric

static size_t round_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

struct weight_matrix weight_matrix_f32(const float *w, size_t outputs, size_t inputs) {
    return (struct weight_matrix){
        .type = WEIGHT_F32, .outputs = outputs, .inputs = inputs, .f32 = w};
}

static uint16_t round_to_f16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);   // NaN
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // 65520 and more: infinite
    if (magnitude < 0x38800000) {  // 2^-14: not normal in binary16, which counts in 2^-24 there
        float steps = fabsf(value) * 0x1p24F + 0x1p23F - 0x1p23F;  // rounded, halves to even
        return (uint16_t)(sign | (uint32_t)steps);
    }
    // 13 bits fewer, halves to even; the exponent's bias goes from 127 to 15. A carry out of the
    // mantissa is the next exponent.
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded >> 13) - ((127 - 15) << 10)));
}

struct weight_matrix weight_matrix_pack_f16(const float *w, size_t outputs, size_t inputs,
                                            uint16_t *f16) {
    assert(inputs <= WEIGHT_F16_MAX_INPUTS);
    for (size_t i = 0; i < outputs * inputs; i++) f16[i] = round_to_f16(w[i]);
    return (struct weight_matrix){
        .type = WEIGHT_F16, .outputs = outputs, .inputs = inputs, .f16 = f16};
}

struct weight_matrix weight_matrix_rows(const struct weight_matrix *matrix, size_t first,
                                        size_t count) {
    assert(first <= matrix->outputs && count <= matrix->outputs - first);
    struct weight_matrix rows = *matrix;
    rows.outputs = count;
    switch (matrix->type) {
        case WEIGHT_F32:
            rows.f32 += first * matrix->inputs;
            break;
        case WEIGHT_F16:
            rows.f16 += first * matrix->inputs;
            break;
        case WEIGHT_INT8:
            assert(first % WEIGHT_INT8_OUTPUTS == 0);
            rows.int8 += first * round_up(matrix->inputs, WEIGHT_INT8_INPUTS);
            rows.scales += first;
            rows.sums += first;
            break;
    }
    return rows;
}

struct weight_int8_size weight_matrix_int8_size(size_t outputs, size_t inputs) {
    size_t columns = round_up(outputs, WEIGHT_INT8_OUTPUTS);
    return (struct weight_int8_size){.int8 = columns * round_up(inputs, WEIGHT_INT8_INPUTS),
                                     .scales = columns};
}

// Writes one output's int8 to `packed`, where the first four go, and returns their sum.
static int32_t pack_output(const float *w, size_t inputs, float scale, int8_t *packed) {
    float inverse = 1 / scale;
    int32_t sum = 0;
    for (size_t i = 0; i < inputs; i++) {
        // In the default rounding mode this rounds to the nearest, halves to even: beyond 2^23 a
        // float has no digits behind the point.
        float rounded = w[i] * inverse + 0x1.8p23F - 0x1.8p23F;
        int8_t value = (int8_t)rounded;
        packed[i / WEIGHT_INT8_INPUTS * (WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS) +
               i % WEIGHT_INT8_INPUTS] = value;
        sum += value;
    }
    return sum;
}

struct weight_matrix weight_matrix_pack_int8(const float *w, size_t outputs, size_t inputs,
                                             int8_t *int8, float *scales, int32_t *sums) {
    assert(inputs <= WEIGHT_INT8_MAX_INPUTS);
    struct weight_int8_size size = weight_matrix_int8_size(outputs, inputs);
    memset(int8, 0, size.int8);
    memset(scales, 0, size.scales * sizeof *scales);
    memset(sums, 0, size.scales * sizeof *sums);
    for (size_t output = 0; output < outputs; output++) {
        const float *row = w + output * inputs;
        float maximum = 0;
        bool is_finite = true;
        for (size_t i = 0; i < inputs; i++) {
            float magnitude = fabsf(row[i]);
            if (magnitude > maximum) maximum = magnitude;
            is_finite &= magnitude <= FLT_MAX;
        }
        size_t block = output / WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_OUTPUTS;
        int8_t *packed = int8 + block * round_up(inputs, WEIGHT_INT8_INPUTS) +
                         output % WEIGHT_INT8_OUTPUTS * WEIGHT_INT8_INPUTS;
        float scale = maximum / INT8_MAXIMUM;
        if (!is_finite) {
            scales[output] = NAN;
        } else if (scale >= FLT_MIN) {  // below that its inverse would not be finite
            scales[output] = scale;
            sums[output] = pack_output(row, inputs, scale, packed);
        }
    }
    return (struct weight_matrix){.type = WEIGHT_INT8,
                                  .outputs = outputs,
                                  .inputs = inputs,
                                  .int8 = int8,
                                  .scales = scales,
                                  .sums = sums};
}
