// What response.c needs of a stream that a handler has answered with.
#pragma once

struct event_stream;
struct MHD_Connection;
struct MHD_Response;

// Hands the stream over to a response of libmicrohttpd for this connection. NULL when memory is
// out; the stream is then still the caller's.
struct MHD_Response *event_stream_reply(struct event_stream *stream,
                                        struct MHD_Connection *connection);
void event_stream_free(void *stream);
