// The weights of one layer as linear() reads them. A weight_matrix owns nothing: the numbers belong
// to whoever mapped or packed them, and stay as they are while it is used.
//
// F16: IEEE 754's binary16, for layers whose weights are read once a token; half the memory of F32.
//
// INT8: weight = int8 * scale, one scale an output. The numbers lie as one packing for all tiers:
// [outputs / 16][inputs / 4][16][4], both rounded up, what does not exist being 0. Four inputs of
// an output are what one lane of the dot-product instructions takes (x86 VNNI, ARM SDOT), and 16
// outputs are a 512-bit register of lanes.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum weight_type { WEIGHT_F32, WEIGHT_F16, WEIGHT_INT8 };

enum {
    WEIGHT_INT8_OUTPUTS = 16,        // of a block of the packing
    WEIGHT_INT8_INPUTS = 4,          // likewise
    WEIGHT_INT8_MAX_INPUTS = 65536,  // so many products of a byte and an int8 fit an int32
    WEIGHT_F16_MAX_INPUTS = 65536,   // a few outputs as floats fit a thread's scratch
};

struct weight_matrix {
    enum weight_type type;
    size_t outputs;
    size_t inputs;
    const float *f32;          // F32: [outputs, inputs], as PyTorch's nn.Linear keeps it
    const uint16_t *f16;       // F16: the same shape
    const int8_t *int8;        // INT8: packed as above; fastest at multiples of 64 bytes
    const float *scales;       // INT8: [outputs rounded up to 16]
    const int32_t *sums;       // INT8: likewise: the sum of an output's int8
    const float *input_scale;  // INT8: [inputs] or NULL; x is multiplied by it before all else
};

struct weight_matrix weight_matrix_f32(const float *w, size_t outputs, size_t inputs);
// Converts w [outputs, inputs] to f16 of the same shape, rounding to the nearest, halves to even;
// from 65520 on the result is infinite.
struct weight_matrix weight_matrix_pack_f16(const float *w, size_t outputs, size_t inputs,
                                            uint16_t *f16);
// The outputs first … first + count - 1 of a matrix. INT8: first is a multiple of 16.
struct weight_matrix weight_matrix_rows(const struct weight_matrix *matrix, size_t first,
                                        size_t count);

// How many numbers a packed matrix has.
struct weight_int8_size {
    size_t int8;
    size_t scales;  // and as many sums
};
struct weight_int8_size weight_matrix_int8_size(size_t outputs, size_t inputs);
// Quantises w [outputs, inputs] into the caller's arrays, of the sizes above: each output's largest
// magnitude becomes 127. An output with a number that is not finite gets NaN for a scale, so that
// every result with it is NaN. input_scale is left NULL.
struct weight_matrix weight_matrix_pack_int8(const float *w, size_t outputs, size_t inputs,
                                             int8_t *int8, float *scales, int32_t *sums);
