// The cloud providers as they are now: breakers, limits, what happened last.
#pragma once

#include <jansson.h>

#include "cloud/cloud.h"
#include "observe/metrics.h"

// For /healthz; an empty list without a cloud. Asks nothing and nobody. NULL when memory is out.
json_t *cloud_json_create(struct cloud *cloud);
// Sets the metrics of the cloud; nothing without one.
void cloud_metrics_set(struct cloud *cloud, struct metrics *metrics);
