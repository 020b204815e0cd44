// From the settings of OpenTelemetry to a tracer that runs. As its specification wants it, a value
// that is not understood is warned of and the default taken.
#pragma once

#include "cli/settings.h"
#include "observe/metrics.h"

struct trace_setup;

// *setup stays NULL where no address of a collector is set, or traces are switched off. The metrics
// count what is dropped, and get the traces as their exemplars; before other threads use them.
bool trace_setup_start(const struct settings *settings, struct metrics *metrics,
                       struct trace_setup **setup, struct error *err);
// Sends what waits, for three seconds at most. Takes NULL.
void trace_setup_stop(struct trace_setup *setup);
