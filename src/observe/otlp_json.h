// Spans as the JSON of OTLP/HTTP, an ExportTraceServiceRequest: ids in hex, enums as numbers, whole
// numbers of 64 bits as texts, names in lowerCamelCase.
#pragma once

#include "base/byte_buffer.h"
#include "observe/trace_private.h"

// false when memory is out or the buffer's limit reached.
bool otlp_json_write(struct byte_buffer *body, const struct tracer_options *options,
                     struct span *const *spans, size_t count);
