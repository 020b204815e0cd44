// The process's own metrics, under the names that every Prometheus client uses, from /proc. What
// cannot be read is left out.
#pragma once

#include "base/byte_buffer.h"

void process_metrics_append(struct byte_buffer *text);
