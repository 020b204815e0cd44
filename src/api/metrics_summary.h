// The figures that people look at first, without Prometheus: GET /metrics/summary.
#pragma once

#include <jansson.h>

#include "api/api.h"

// As the schema MetricsSummary has it. Asks nobody and does not wait. NULL when memory is out.
json_t *metrics_summary_create(struct api *api);
