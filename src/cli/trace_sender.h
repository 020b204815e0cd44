// Sends spans to a collector by OTLP/HTTP.
#pragma once

#include "fetch/fetch_trusted.h"
#include "observe/tracer.h"

enum { TRACE_HEADERS_MAX = 24, TRACE_URL_SIZE = 1024 };

struct trace_sender {
    struct fetch_client *client;
    char url[TRACE_URL_SIZE];
    const char *headers[TRACE_HEADERS_MAX + 1];  // "Content-Encoding: gzip" where it is compressed
    size_t header_count;                         // without that one
    long timeout_ms;
};

// A trace_send whose context is a struct trace_sender.
trace_send trace_sender_send;
