// Spans of what a request has done by the rooms that know nothing of traces: engine and store. Each
// call does nothing where the thread is in no trace that is recorded.
#pragma once

#include "engine/engine.h"
#include "observe/trace.h"
#include "store/store.h"

// Decoding and preprocessing, just ended.
void stage_trace_prepare(const struct prepared_image *image);
// A call of the models, begun at this moment of the monotonic clock and just ended. They tell how
// long each part took, not when: the parts are laid out one after another, in the order in which
// the engine does them, so the vector of a caption's words seems to be made with the picture's.
// `caption` NULL: none was written.
void stage_trace_models(const struct engine *engine, int64_t started_ns,
                        const struct engine_timings *timings, const struct caption *caption);

// Around an operation of a store, "put".
struct span *stage_trace_store(const struct store *store, const char *operation);
// Ends any span. `err` is what failed where !is_done; may be NULL. That something is not there is
// an answer, no failure.
void stage_trace_end(struct span *span, bool is_done, const struct error *err);
