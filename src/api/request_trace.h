// The span of a request, by the conventions for HTTP servers. It begins when the handler does, with
// the time of the request's first line, is current while the handler runs, and ends when the answer
// is sent; requests that no handler sees have theirs made at their end.
#pragma once

#include "http/server.h"
#include "observe/trace.h"

// Runs the handler of the request's route within its span. The context is a struct api.
http_handler request_trace_run;
// Makes the span of a finished request current. NULL while tracing is off.
struct span *request_trace_resume(const struct http_observation *observation);
// Ends it; no span is current afterwards.
void request_trace_end(struct span *span, const struct http_observation *observation);
