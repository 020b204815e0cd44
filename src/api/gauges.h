// Gauges are read when somebody looks, so they are never stale.
#pragma once

#include "api/api.h"

// Sets every gauge of the metrics. Asks nobody and does not wait.
void gauges_set(struct api *api);
