// Which traces are recorded: OTEL_TRACES_SAMPLER and its argument. A pure function of the parent
// and the trace's id, so that all servers of a trace decide alike.
#pragma once

#include <stdbool.h>

#include "observe/trace_context.h"

struct trace_sampler {
    bool follows_parent;  // what it decided holds, where there is one
    double ratio;         // of the other traces: 0 none, 1 all
};

// "always_on", "traceidratio" with a ratio of 0 to 1, "parentbased_always_off", …; NULL or "": the
// standard's default, parentbased_always_on. false: it is none; *sampler is the default then.
bool trace_sampler_parse(const char *name, const char *argument, struct trace_sampler *sampler);
// `parent` NULL: the trace begins here.
bool trace_sampler_takes(const struct trace_sampler *sampler, const struct trace_context *parent,
                         const uint8_t trace_id[static TRACE_ID_BYTES]);
