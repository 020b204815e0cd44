// A server of the Model Context Protocol on two descriptors: one message a line, each way.
//
// The caller's thread reads. It answers at once what needs no backend, so that a ping is answered
// however much is under way; the rest goes to threads that answer in the order things get done.
// When CALLS_MAX requests wait or are under way, reading pauses. A request that is cancelled is not
// begun any more, or, where it is under way, not answered.
#pragma once

#include <signal.h>
#include <stddef.h>

#include "base/error.h"
#include "mcp/protocol.h"

struct mcp_stdio_options {
    int input, output;        // descriptors
    size_t line_max;          // bytes of a message; a longer one is answered with an error
    size_t threads;           // that answer
    const sigset_t *signals;  // the mask while waiting for input; one that comes then ends it
};

// Until the input ends (what was asked is answered first), a signal comes (what is under way is
// finished, the rest dropped), or nobody reads the answers any more. false: reading failed.
bool mcp_stdio_run(const struct mcp_backend *backend, const struct mcp_stdio_options *options,
                   struct error *err);
