// The span of one call of a provider, by the conventions for generative AI. Prompts and answers are
// not in it: they are nobody else's.
#pragma once

#include "cloud/cloud_private.h"
#include "observe/trace.h"

// NULL where the thread is in no trace that is recorded.
struct span *cloud_trace_begin(const struct cloud_turn *turn);
// `failure` NULL: it was answered.
void cloud_trace_end(struct span *span, const struct cloud_answer *answer,
                     const struct cloud_failure *failure);
