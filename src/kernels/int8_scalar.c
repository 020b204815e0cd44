// The reference of the other tiers: one row and one block of outputs at a time.
#include "kernels/kernels_internal.h"

void int8_multiply_scalar(const uint8_t *x, size_t x_stride, size_t rows, const int8_t *w,
                          size_t depth, size_t blocks, struct ahead ahead, int32_t *sums,
                          size_t sums_stride) {
    (void)ahead;
    enum { OUTPUTS = WEIGHT_INT8_OUTPUTS, INPUTS = WEIGHT_INT8_INPUTS };
    for (size_t row = 0; row < rows; row++) {
        for (size_t block = 0; block < blocks; block++) {
            const uint8_t *of_x = x + row * x_stride;
            const int8_t *of_w = w + block * depth * OUTPUTS * INPUTS;
            int32_t block_sums[OUTPUTS] = {0};
            for (size_t k = 0; k < depth; k++, of_x += INPUTS, of_w += OUTPUTS * INPUTS) {
                for (size_t o = 0; o < OUTPUTS; o++) {
                    const int8_t *four = of_w + o * INPUTS;
                    block_sums[o] += of_x[0] * four[0] + of_x[1] * four[1] + of_x[2] * four[2] +
                                     of_x[3] * four[3];
                }
            }
            for (size_t o = 0; o < OUTPUTS; o++) {
                sums[row * sums_stride + block * OUTPUTS + o] = block_sums[o];
            }
        }
    }
}
