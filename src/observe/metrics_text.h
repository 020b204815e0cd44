// Pieces of the text formats of Prometheus and OpenMetrics. Writes never fail visibly: the buffer
// remembers.
#pragma once

#include "base/byte_buffer.h"
#include "observe/metrics.h"

struct metrics_text {
    struct byte_buffer bytes;
    enum metrics_format format;
};

// "# HELP" and "# TYPE".
void metrics_text_append_head(struct metrics_text *text, const char *name, const char *type,
                              const char *help);
// A blank and the number.
void metrics_text_append_number(struct metrics_text *text, double value);
