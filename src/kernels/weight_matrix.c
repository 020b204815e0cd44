#include "kernels/weight_matrix.h"

#include <assert.h>

struct weight_matrix weight_matrix_f32(const float *w, size_t outputs, size_t inputs) {
    return (struct weight_matrix){
        .type = WEIGHT_F32, .outputs = outputs, .inputs = inputs, .f32 = w};
}

struct weight_matrix weight_matrix_rows(const struct weight_matrix *matrix, size_t first,
                                        size_t count) {
    assert(first <= matrix->outputs && count <= matrix->outputs - first);
    struct weight_matrix rows = *matrix;
    rows.outputs = count;
    rows.f32 += first * matrix->inputs;
    return rows;
}
