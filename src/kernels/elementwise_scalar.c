// What is done to single elements and rows, with the functions of the C library.
#include <math.h>

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
