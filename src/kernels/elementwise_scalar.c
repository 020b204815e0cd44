// What is done to single elements and rows, with the functions of the C library.
#include <math.h>
#include <string.h>

#include "kernels/kernels_internal.h"

static float activate(enum activation activation, float x) {
    switch (activation) {
        case ACTIVATION_GELU:
            return 0.5F * x * (1 + erff(x * (float)M_SQRT1_2));
        case ACTIVATION_QUICK_GELU:
            return x / (1 + expf(-1.702F * x));
        default:
            return x;
    }
}

void row_finish_scalar(const float *sums, const float *bias, enum activation activation,
                       const float *residual, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float value = activate(activation, bias == NULL ? sums[i] : sums[i] + bias[i]);
        y[i] = residual == NULL ? value : value + residual[i];
    }
}

void tile_finish_scalar(const struct int8_tile *t) {
    for (size_t row = 0; row < t->rows; row++) {
        for (size_t i = 0; i < t->columns; i++) {
            size_t at = row * t->y_stride + i;
            int32_t sum =
                t->sums[row * t->sums_stride + i] - t->zero_points[row] * t->weight_sums[i];
            float value = (float)sum * (t->row_scales[row] * t->weight_scales[i]);
            value = activate(t->activation, t->bias == NULL ? value : value + t->bias[i]);
            t->y[at] = t->residual == NULL ? value : value + t->residual[at];
        }
    }
}

float row_maximum_scalar(const float *row, size_t count) {
    float maximum = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (row[i] > maximum) maximum = row[i];
    }
    return maximum;
}

float row_exponentiate_scalar(float *row, float maximum, float scale, size_t count) {
    float sum = 0;
    for (size_t i = 0; i < count; i++) {
        row[i] = expf((row[i] - maximum) * scale);
        sum += row[i];
    }
    return sum;
}

void row_normalize_scalar(const float *x, const float *gain, const float *bias, float epsilon,
                          float *y, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += x[i];
    float mean = (float)(sum / (double)count);
    double squares = 0;
    for (size_t i = 0; i < count; i++) squares += (x[i] - mean) * (x[i] - mean);
    float factor = 1 / sqrtf((float)(squares / (double)count) + epsilon);
    for (size_t i = 0; i < count; i++) y[i] = (x[i] - mean) * factor * gain[i] + bias[i];
}

void row_widen_scalar(const uint16_t *f16, size_t count, float *floats) {
    for (size_t i = 0; i < count; i++) {
        uint32_t sign = (uint32_t)(f16[i] & 0x8000) << 16;
        uint32_t magnitude = f16[i] & 0x7fff;
        uint32_t bits = (magnitude << 13) + ((127 - 15) << 23);  // the exponent's other bias
        float value;
        if (magnitude >= 0x7c00) bits |= 0x7f800000;  // infinite or NaN
        if (magnitude < 0x0400) {                     // not normal: counts in 2^-24
            value = (float)magnitude * 0x1p-24F;
            memcpy(&bits, &value, sizeof bits);
        }
        bits |= sign;
        memcpy(&floats[i], &bits, sizeof bits);
    }
}
