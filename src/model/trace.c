#include "model/trace.h"

void model_trace_tap(const struct model_trace *trace, const char *stage, const float *values,
                     size_t first_row, size_t rows, size_t width) {
    if (trace != NULL) trace->tap(trace->context, stage, values, first_row, rows, width);
}
