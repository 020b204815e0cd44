// Pieces of the Prometheus text format. Writes never fail visibly: the buffer remembers.
#pragma once

#include "base/byte_buffer.h"

// "# HELP" and "# TYPE".
void metrics_text_append_head(struct byte_buffer *text, const char *name, const char *type,
                              const char *help);
// A blank, the number and the line end.
void metrics_text_append_number(struct byte_buffer *text, double value);
