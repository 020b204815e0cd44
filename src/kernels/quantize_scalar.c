// The reference of the other tiers. Multiplications and roundings stand alone, so that every tier
// comes to the same bytes.
#include <float.h>
#include <math.h>

#include "kernels/kernels_internal.h"

bool row_range_scalar(const float *x, const float *input_scale, size_t count, float *low,
                      float *high) {
    float smallest = 0;
    float largest = 0;
    bool is_finite = true;
    for (size_t i = 0; i < count; i++) {
        float value = input_scale == NULL ? x[i] : x[i] * input_scale[i];
        smallest = value < smallest ? value : smallest;
        largest = value > largest ? value : largest;
        is_finite &= fabsf(value) <= FLT_MAX;
    }
    *low = smallest;
    *high = largest;
    return is_finite;
}

void row_quantize_scalar(const float *x, const float *input_scale, float inverse_scale,
                         int32_t zero_point, size_t count, uint8_t *bytes) {
    for (size_t i = 0; i < count; i++) {
        float value = input_scale == NULL ? x[i] : x[i] * input_scale[i];
        // Beyond 2^23 a float has no digits behind the point: rounds halves to even.
        float rounded = value * inverse_scale + 0x1.8p23F - 0x1.8p23F;
        int32_t byte = (int32_t)rounded + zero_point;
        bytes[i] = (uint8_t)(byte < 0 ? 0 : byte > UINT8_MAX ? UINT8_MAX : byte);
    }
    for (size_t i = count; i % WEIGHT_INT8_INPUTS != 0; i++) bytes[i] = 0;
}
