// The tracer of the process: begun before other threads start, stopped after they have ended.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "observe/trace_sampler.h"

enum { TRACE_RESOURCE_MAX = 32 };

struct trace_attribute {
    const char *key;
    const char *text;
};

// How sending a batch ended.
enum trace_delivery {
    TRACE_DELIVERED,
    TRACE_REFUSED,    // no use to try again
    TRACE_NOT_TAKEN,  // try again: 429, 502, 503, 504, no connection, no answer
};
struct trace_answer {
    enum trace_delivery delivery;
    int64_t retry_after_ms;  // -1: not told
    int64_t rejected_spans;  // of a delivery
    char words[256];         // of a failure, for the log; no secret in it
};
// Sends one body to the collector, and returns by *give_up_ns of the monotonic clock at the latest,
// which may come nearer meanwhile. Called on the exporter's thread alone.
typedef void trace_send(void *context, const char *body, size_t size, bool is_gzip,
                        const _Atomic int64_t *give_up_ns, struct trace_answer *answer);

struct tracer_options {
    struct trace_sampler sampler;
    const char *service_version;
    struct trace_attribute resource[TRACE_RESOURCE_MAX];  // borrowed
    size_t resource_count;
    size_t queue_capacity;  // spans that wait
    size_t batch_size;
    int64_t delay_ms;           // how long a span waits for others at most
    int64_t export_timeout_ms;  // of a batch, retries included
    bool is_gzip;
    trace_send *send;
    void *send_context;  // borrowed
    // Told of every span that was dropped, on any thread; may be NULL.
    void (*note_dropped)(void *context, size_t count);
    void *note_context;
};

bool tracer_start(const struct tracer_options *options, struct error *err);
// No new spans; sends what waits, for flush_ms at most, drops the rest. Does nothing when none
// runs.
void tracer_stop(int64_t flush_ms);
