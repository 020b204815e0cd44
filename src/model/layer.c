#include "model/layer.h"

#include <math.h>

static void note_inputs(struct layer_inputs *inputs, const struct linear *call) {
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = call->x + row * call->x_stride;
        for (size_t i = 0; i < call->w->inputs; i++) {
            float magnitude = fabsf(x[i]);
            if (magnitude > inputs->peaks[i]) inputs->peaks[i] = magnitude;
            inputs->sums[i] += (double)x[i];
        }
    }
    inputs->rows += call->rows;
}

void layer_apply(struct compute *compute, const struct layer *layer, struct linear call) {
    call.w = &layer->weight;
    call.bias = layer->bias;
    if (layer->inputs != NULL) note_inputs(layer->inputs, &call);
    linear(compute, &call);
}

struct layer layer_rows(const struct layer *layer, size_t first, size_t count) {
    struct layer rows = *layer;
    rows.weight = weight_matrix_rows(&layer->weight, first, count);
    rows.bias += first;
    return rows;
}
