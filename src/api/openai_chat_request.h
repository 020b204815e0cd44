// A request for a chat completion of OpenAI's API, as far as a captioner can answer it: one picture
// in the messages; what is said beside it is not read.
#pragma once

#include <jansson.h>

#include "api/picture_source.h"
#include "api/problem.h"
#include "engine/engine.h"
#include "route/policy.h"

struct chat_request {
    json_t *json;         // owned
    const char *picture;  // borrowed from it: an address or a data URI
    size_t picture_length;
    enum route_quality quality;  // imgrouter's own member, as for uploads
    bool is_stream;
    bool wants_usage;   // at the end of the stream
    const char *param;  // the member that is wrong, beside *problem
    const char *code;
};

// The request must be cleared, also after a failure.
bool chat_request_read(struct chat_request *chat, const struct http_request *request,
                       const struct engine_info *info, struct problem *problem);
void chat_request_clear(struct chat_request *chat);
