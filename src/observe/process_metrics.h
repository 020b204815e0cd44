// The process's own metrics, under the names that every Prometheus client uses, from /proc. What
// cannot be read is left out.
#pragma once

#include "observe/metrics_text.h"

void process_metrics_append(struct metrics_text *text);
