// The serial primitives on single vectors and on rows of them.
#include <math.h>
#include <string.h>

#include "kernels/kernels_internal.h"

enum { EXPONENTS_AT_ONCE = 256 };

float dot_f32(const struct compute *compute, const float *a, const float *b, size_t count) {
    return compute->kernels->dot(a, b, count);
}

void dot_rows_f32(const struct compute *compute, const float *rows, size_t count, size_t width,
                  const float *query, float *scores) {
    compute->kernels->rows_multiply(query, width, 1, rows, width, count, width, scores, count);
}

bool normalize_f32(const struct compute *compute, float *vector, size_t count) {
    (void)compute;  // once a picture; doubles keep huge and tiny vectors right
    double squares = 0;
    for (size_t i = 0; i < count; i++) squares += (double)vector[i] * vector[i];
    double length = sqrt(squares);
    if (!(length > 0) || !isfinite(length)) return false;
    for (size_t i = 0; i < count; i++) vector[i] = (float)(vector[i] / length);
    return true;
}

size_t argmax_softmax_f32(const struct compute *compute, const float *logits, size_t count,
                          float *probability) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (logits[i] > logits[best] || (isnan(logits[best]) && !isnan(logits[i]))) best = i;
    }
    float sum = 0;
    for (size_t i = 0; i < count; i += EXPONENTS_AT_ONCE) {
        float part[EXPONENTS_AT_ONCE];
        size_t part_count = count - i < EXPONENTS_AT_ONCE ? count - i : EXPONENTS_AT_ONCE;
        memcpy(part, logits + i, part_count * sizeof *part);
        sum += compute->kernels->row_exponentiate(part, logits[best], 1, part_count);
    }
    // The largest has exponent 0. NaN and infinite logits end in a sum that is not a number.
    *probability = sum >= 1 && isfinite(sum) ? 1 / sum : 0;
    return best;
}
