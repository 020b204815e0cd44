// Answers in the form of OpenAI's chat completions, as OpenRouter, OpenAI and compatible servers
// give them: status and body in, a caption or a failure out. Nothing in them is trusted. Pure, any
// thread.
#pragma once

#include "cloud/provider.h"

struct openai_reply {
    const char *server;  // for words: "openrouter"
    const char *secret;  // never quoted, whatever the server says; NULL: none
    const char *model;   // that was asked for: the answer's where it names none
    long status;
    const char *body;  // [size]
    size_t size;
    int64_t retry_after_ms;  // of the header Retry-After; -1: none
    const char *reset;       // the header x-ratelimit-reset-requests; NULL: none
    int64_t now_ms;          // since 1970, to understand points in time
};

// true: *answer is filled. false: *failure is; what was billed according to the answer is in it.
bool openai_answer_read(const struct openai_reply *reply, struct cloud_answer *answer,
                        struct cloud_failure *failure);
